// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import Linux
import OCIRuntimeSpec
import SwiftProtobuf
import TestSupport
import Testing

@testable import CRIService

/// What a machine adds to containers: CDI devices, hooks, limits, labels, and a name for the user.
struct MachineEditsTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func write(_ name: String, _ text: String) throws {
        let file = "\(folder.path)/\(name)"
        try Syscall.makeDirectories(String(file.prefix(upTo: file.lastIndex(of: "/") ?? file.endIndex)))
        try AtomicFile.write(file, text)
    }

    private func edits(_ names: [String], in folders: [String]) throws(ServiceError) -> [CDIEdits] {
        try CDIRegistry(folders: folders.map { "\(folder.path)/\($0)" }).edits(names)
    }

    private static let thing = """
        {"cdiVersion": "0.6.0", "kind": "v.example/thing", "containerEdits": {"env": ["COMMON=1"]},
         "devices": [{"name": "one", "containerEdits": {"env": ["ONE=1"], "additionalGids": [7, 0],
           "hooks": [{"hookName": "createContainer", "path": "/bin/hook", "args": ["hook"]}],
           "mounts": [{"hostPath": "/h", "containerPath": "/c/"}]}},
          {"name": "two"}]}
        """

    @Test func devicesAndWhatTheyShare() throws {
        try write("etc/thing.json", Self.thing)
        let edits = try edits(
            ["v.example/thing=one", "v.example/thing=two", "v.example/thing=one"], in: ["etc", "none"])
        #expect(edits.map { $0.env ?? [] } == [["COMMON=1"], ["ONE=1"]])
        let request = SpecRequest { $0.edits = edits }
        let spec = try request.build()
        #expect(spec.process?.env?.suffix(2) == ["COMMON=1", "ONE=1"])
        #expect(spec.process?.user?.additionalGids == [0, 7])
        #expect(spec.hooks?.createContainer == [Hook(path: "/bin/hook", args: ["hook"])])
        #expect(spec.mounts?.last?.destination == "/c")
        #expect(spec.mounts?.last?.source == "/h")
    }

    @Test func aLaterFolderGoesFirst() throws {
        try write("etc/a.json", Self.thing)
        try write("run/b.yaml", "kind: v.example/thing\ndevices:\n- name: one\n  containerEdits: {env: [RUN=1]}\n")
        #expect(try edits(["v.example/thing=one"], in: ["etc", "run"]).map(\.env) == [["RUN=1"]])
        try write("run/c.yaml", "kind: v.example/thing\ndevices:\n- name: one\n")
        let error = #expect(throws: ServiceError.self) { try edits(["v.example/thing=one"], in: ["etc", "run"]) }
        #expect(error?.cause.contains("both describe it") == true)
    }

    @Test(arguments: [
        ("v.example/thing=three", "no CDI file describes it; read CDI file"), ("thing", "vendor/class=device"),
        ("v.example/thing=", "vendor/class=device"),
    ])
    func refusesDevices(name: String, cause: String) throws {
        try write("etc/thing.json", Self.thing)
        try write("etc/broken.json", "{")
        let error = #expect(throws: ServiceError.self) { try edits([name], in: ["etc"]) }
        #expect(error?.cause.contains(cause) == true, "\(error?.cause ?? "")")
    }

    @Test func namesOfDevicesInFieldsAndAnnotations() {
        let config = CRI.ContainerConfig.with {
            $0.cdiDevices = [.with { $0.name = "a/b=c" }]
            $0.annotations = ["cdi.k8s.io/x": "d/e=f, d/e=g", "other": "h/i=j"]
        }
        #expect(CDIRequest.names(config) == ["a/b=c", "d/e=f", "d/e=g"])
    }

    struct Case: Sendable {
        var when: String
        var command = "/bin/sh"
        var annotations: [String: String] = [:]
        var hasMounts = false
        var applies: Bool
    }

    @Test(arguments: [
        Case(when: #"{"always": true}"#, applies: true), Case(when: #"{"always": false}"#, applies: false),
        Case(when: "{}", applies: false),
        Case(when: #"{"commands": ["^/bin/s"]}"#, applies: true),
        Case(when: #"{"commands": ["bash"]}"#, applies: false),
        Case(when: #"{"hasBindMounts": true}"#, hasMounts: true, applies: true),
        Case(when: #"{"hasBindMounts": true}"#, applies: false),
        Case(when: #"{"annotations": {"^a$": "^b"}}"#, annotations: ["a": "bc"], applies: true),
        Case(when: #"{"annotations": {"^a$": "^b"}}"#, annotations: ["a": "cb"], applies: false),
        Case(when: #"{"always": true, "commands": ["bash"]}"#, applies: false),
    ])
    func hooksApply(row: Case) throws {
        let text = #"{"version": "1.0.0", "hook": {"path": "/h"}, "when": \#(row.when), "stages": ["poststop"]}"#
        try write("hooks/h.json", text)
        let hooks = try HookFolders.read(["\(folder.path)/hooks"])
        let spec = try SpecRequest {
            $0.hooks = hooks
            $0.container.command = [row.command]
            $0.container.annotations = row.annotations
            if row.hasMounts { $0.mounts = [PreparedMount(destination: "/m", source: "/s")] }
        }.build()
        #expect((spec.hooks?.poststop == [Hook(path: "/h")]) == row.applies)
    }

    @Test func aLaterFileReplacesAnEarlier() throws {
        for (place, path) in [("one", "/first"), ("two", "/second")] {
            try write(
                "\(place)/h.json",
                #"{"version": "1.0.0", "hook": {"path": "\#(path)"}, "when": {"always": true}, "stages": []}"#)
        }
        let hooks = try HookFolders.read(["\(folder.path)/one", "\(folder.path)/two", "\(folder.path)/none"])
        #expect(hooks.map(\.hook.path) == ["/second"])
    }

    @Test func labelsNeedTheKernel() throws {
        var request = SpecRequest()
        request.security.apparmor = .with { ($0.profileType, $0.localhostRef) = (.localhost, "localhost/mine") }
        #expect(throws: ServiceError.self) { try request.build() }
        request.host.hasAppArmor = true
        #expect(try request.build().process?.apparmorProfile == "mine")
        request.security.selinuxOptions = .with { ($0.type, $0.level) = ("mine_t", "s0:c1,c2") }
        #expect(throws: ServiceError.self) { try request.build() }
        request.host.hasSELinux = true
        let spec = try request.build()
        #expect(spec.process?.selinuxLabel == "system_u:system_r:mine_t:s0:c1,c2")
        #expect(spec.linux?.mountLabel == "system_u:object_r:container_file_t:s0:c1,c2")
    }

    @Test func annotationsThatAreAllowed() throws {
        let spec = try SpecRequest {
            $0.defaults.allowedAnnotations = ["one", "all.example/"]
            $0.pod.annotations = ["one": "1", "onemore": "2", "all.example/a": "pod"]
            $0.container.annotations = ["all.example/a": "container", "io.kubernetes.cri.sandbox-id": "forged"]
        }.build()
        #expect(spec.annotations?["one"] == "1" && spec.annotations?["onemore"] == nil)
        #expect(spec.annotations?["all.example/a"] == "container")
        #expect(spec.annotations?["io.kubernetes.cri.sandbox-id"] == "p1")
    }

    /// With systemd crun would have the processes in a cgroup of its own below the container's.
    @Test func theContainersCgroupHoldsItsProcesses() throws {
        let name = "run.oci.systemd.subgroup"
        #expect(try SpecRequest { _ in }.build().annotations?[name] == nil)
        var request = SpecRequest { $0.surroundings.cgroupsPath = "skiff.slice:skiff:c1" }
        #expect(try request.build().annotations?[name] == "")
        request.defaults.annotations = ["\(name)=below"]
        #expect(try request.build().annotations?[name] == "below")
    }

    @Test func limitsAndVariablesOfTheMachine() throws {
        let spec = try SpecRequest {
            $0.defaults.limits = [POSIXRlimit(type: "RLIMIT_NOFILE", hard: 2, soft: 1)]
            $0.defaults.environment = ["A=machine", "B=machine=2"]
            $0.container.envs = [.init("A", "request")]
        }.build()
        #expect(spec.process?.rlimits == [POSIXRlimit(type: "RLIMIT_NOFILE", hard: 2, soft: 1)])
        #expect(spec.process?.env?.prefix(2) == ["A=request", "B=machine=2"])
    }

    @Test(
        arguments: [
            ("root:x:0:0::/:/bin/sh\n", 4711, "root:x:0:0::/:/bin/sh\n4711:x:4711:5::/w:/sbin/nologin\n"),
            ("root:x:0:0::/:/bin/sh", 4711, "root:x:0:0::/:/bin/sh\n4711:x:4711:5::/w:/sbin/nologin\n"),
            ("root:x:0:0::/:/bin/sh\n", 0, nil), ("", 4711, nil), (nil, 4711, nil),
        ] as [(String?, UInt32, String?)])
    func passwd(file: String?, uid: UInt32, text: String?) {
        let user = UserDatabase.Identity(uid: uid, gid: 5, groups: [5])
        #expect(GeneratedAccounts.passwd(file, user, home: "/w") == text)
    }

    @Test func groupsThatTheImageDoesNotKnow() {
        func text(_ gid: UInt32) -> String? {
            GeneratedAccounts.group("root:x:0:\n", UserDatabase.Identity(uid: 0, gid: gid, groups: []))
        }
        #expect(text(0) == nil)
        #expect(text(7) == "root:x:0:\n7:x:7:\n")
    }

    @Test func whatTheAdministratorGivesAllContainers() throws {
        let request = SpecRequest {
            $0.defaults.annotations = ["one=machine", "two=a=b"]
            $0.defaults.allowedAnnotations = ["one"]
            $0.container.annotations = ["one": "own", "two": "not allowed"]
            $0.defaults.isReadOnly = true
        }
        let spec = try request.build()
        #expect(spec.annotations?["one"] == "own" && spec.annotations?["two"] == "a=b")
        #expect(spec.root?.readonly == true)
        let memory = spec.mounts?.filter { $0.type == "tmpfs" && $0.destination != "/dev" }.map(\.destination)
        #expect(memory == ["/run", "/tmp", "/var/tmp"])
    }

    @Test func privilegedContainersHaveAProfileOfTheirOwn() throws {
        var request = SpecRequest { $0.security.privileged = true }
        #expect(try request.build().linux?.seccomp == nil)
        request.defaults.privilegedSeccomp = .standard
        #expect(try request.build().linux?.seccomp != nil)
    }
}

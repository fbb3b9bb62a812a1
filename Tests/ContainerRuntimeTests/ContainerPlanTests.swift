// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import Testing

@testable import ContainerRuntime

/// A plan is made from a configuration alone: no root, no kernel.
@Suite("ContainerPlan")
struct ContainerPlanTests {
    static let host = HostFacts(appArmor: false, seLinux: false)

    static func spec(_ change: (inout Spec) -> Void = { _ in }) -> Spec {
        var spec = SpecTemplate.standard
        change(&spec)
        return spec
    }

    static func plan(_ change: (inout Spec) -> Void = { _ in }) throws -> ContainerPlan {
        try ContainerPlan(spec: spec(change), bundle: "/bundle", host: host)
    }

    @Test func standardConfigurationIsAPlan() throws {
        let plan = try Self.plan()
        #expect(plan.rootfs == "/bundle/rootfs")
        #expect(plan.rootfsIsReadOnly)
        #expect(plan.rootfsPropagation == [.slave, .recursive])
        #expect(plan.namespaces.created == [.pid, .network, .ipc, .uts, .mount, .cgroup])
        #expect(plan.mounts.map(\.destination).last == "/sys/fs/cgroup")
        #expect(plan.process.hasTerminal)
        #expect(plan.process.umask == 0o022)
        #expect(plan.makesDevices)
        _ = try ContainerPlan(spec: SpecTemplate.rootless(uid: 1000, gid: 1000), bundle: "/b", host: Self.host)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var message: String
        var change: @Sendable (inout Spec) -> Void
        var testDescription: String { message }

        init(_ message: String, _ change: @escaping @Sendable (inout Spec) -> Void) {
            self.message = message
            self.change = change
        }
    }

    static let refusals: [Refusal] = [
        Refusal("unsupported ociVersion \"2.0.0\"") { $0.ociVersion = "2.0.0" },
        Refusal("root property must not be empty") { $0.root = nil },
        Refusal("process property must not be empty") { $0.process = nil },
        Refusal("args must not be empty") { $0.process?.args = nil },
        Refusal("args with a NUL byte") { $0.process?.args = ["a", "b\0"] },
        Refusal("invalid environment variable \"=x\"") { $0.process?.env = ["=x"] },
        Refusal("invalid environment variable \"x\"") { $0.process?.env = ["x"] },
        Refusal("Cwd must be an absolute path") { $0.process?.cwd = "tmp" },
        Refusal("umask 4096 is out of range") { $0.process?.user?.umask = 0o10000 },
        Refusal("apparmor: config provided but apparmor not supported") { $0.process?.apparmorProfile = "p" },
        Refusal("rootfsPropagation=\"up\" is not supported") { $0.linux?.rootfsPropagation = "up" },
        Refusal("a container without a mount namespace of its own is not supported") {
            $0.linux?.namespaces?.removeAll { $0.type == .mount }
        },
        Refusal("namespace path \"ns\" of type network must be absolute") {
            $0.linux?.namespaces?.removeAll { $0.type == .network }
            $0.linux?.namespaces?.append(LinuxNamespace(type: .network, path: "ns"))
        },
        Refusal("user namespaces enabled, but no uid mappings found") {
            $0.linux?.namespaces?.append(LinuxNamespace(type: .user))
        },
        Refusal("user namespace mappings specified, but user namespace isn't enabled in the config") {
            $0.linux?.gidMappings = [LinuxIDMapping(containerID: 0, hostID: 1, size: 1)]
        },
        Refusal("time namespace offsets specified, but a new time namespace isn't enabled in the config") {
            $0.linux?.timeOffsets = LinuxTimeOffsets(boottime: LinuxTimeOffset(secs: 1))
        },
        Refusal("mount \"/\": the root filesystem cannot be mounted over") {
            $0.mounts = [Mount(destination: "/..", type: "tmpfs")]
        },
        Refusal("mount \"/a\": neither a type nor the option bind") { $0.mounts = [Mount(destination: "/a")] },
        Refusal("mount \"/a\": bind without a source") { $0.mounts = [Mount(destination: "/a", options: ["bind"])] },
        Refusal("mount \"/a\": uidMappings and gidMappings must be given together") {
            let map = [LinuxIDMapping(containerID: 0, hostID: 1, size: 1)]
            $0.mounts = [Mount(destination: "/a", type: "bind", source: "/b", uidMappings: map)]
        },
        Refusal("mount \"/a\": idmap without mappings needs a user namespace of the container") {
            $0.mounts = [Mount(destination: "/a", type: "bind", source: "/b", options: ["idmap"])]
        },
        Refusal("device \"/dev/x\": unknown device type \"z\"") {
            $0.linux?.devices = [LinuxDevice(type: "z", path: "/dev/x")]
        },
        Refusal("device \"/dev/x\": major and minor number are required") {
            $0.linux?.devices = [LinuxDevice(type: "c", path: "/dev/x", major: 1)]
        },
        Refusal("device path \"x\" must be absolute") { $0.linux?.devices = [LinuxDevice(type: "p", path: "x")] },
        Refusal("maskedPaths \"x\" must be an absolute path") { $0.linux?.maskedPaths = ["x"] },
        Refusal("SCMP_ACT_NOTIFY cannot be used as default action") {
            $0.linux?.seccomp = LinuxSeccomp(defaultAction: .notify)
        },
        Refusal("hook path \"h\" must be absolute") { $0.hooks = Hooks(poststop: [Hook(path: "h")]) },
        Refusal("hook \"/h\": timeout 0 must be greater than zero") {
            $0.hooks = Hooks(prestart: [Hook(path: "/h", timeout: 0)])
        },
        Refusal("selinux label is specified in config, but selinux is disabled or not supported") {
            $0.linux?.mountLabel = "label"
        },
        Refusal("personality domain \"BSD\" is unknown") { $0.linux?.personality = LinuxPersonality(domain: "BSD") },
    ]

    @Test(arguments: refusals)
    func whatIsWrongIsRefused(_ refusal: Refusal) {
        #expect(throws: PlanError(refusal.message)) { try Self.plan(refusal.change) }
    }

    @Test(arguments: [
        ("/a/./b/../c//", "/a/c"), ("x", "/base/x"), ("../../..", "/"), ("/../x", "/x"), ("", "/base"),
        ("/\u{301}x/\u{301}y", "/\u{301}x/\u{301}y"), ("..//\u{301}x", "/\u{301}x"),
    ])
    func pathsAreCleaned(_ path: String, _ clean: String) {
        #expect(LexicalPath.absolute(path, base: "/base") == clean)
    }

    @Test(arguments: [
        ("/a/b", "/a", true), ("/a", "/a", true), ("/ab", "/a", false), ("/a", "/", true), ("/a/\u{301}b", "/a", true),
    ])
    func pathsLieWithinDirectories(_ path: String, _ directory: String, _ isWithin: Bool) {
        #expect(LexicalPath.isWithin(path, directory) == isWithin)
    }

    @Test func ownDevicesReplaceDefaultOnes() throws {
        let plan = try Self.plan {
            $0.linux?.devices = [
                LinuxDevice(type: "c", path: "/dev/null", major: 1, minor: 3, fileMode: 0o600),
                LinuxDevice(type: "c", path: "/dev/ptmx", major: 5, minor: 2),
            ]
        }
        #expect(plan.devices.filter { $0.path == "/dev/null" }.map(\.mode) == [0o600])
        #expect(plan.devices.count == 6)
    }

    @Test func devOfTheHostIsLeftAlone() throws {
        let plan = try Self.plan {
            $0.mounts = [Mount(destination: "/dev", type: "bind", source: "/dev", options: ["rbind"])]
        }
        #expect(!plan.makesDevices)
    }

    @Test func environmentKeepsTheLastOfEachName() throws {
        let plan = try Self.plan { $0.process?.env = ["A=1", "B=2", "A=3", "C=="] }
        #expect(plan.process.environment == ["A=3", "B=2", "C=="])
    }

    @Test func joinedNamespacesAreInOrder() throws {
        let plans = try NamespacePlans([
            LinuxNamespace(type: .user, path: "/u"), LinuxNamespace(type: .mount),
            LinuxNamespace(type: .pid, path: "/p"),
            LinuxNamespace(type: .network, path: "/n"),
        ])
        #expect(plans.joined.map(\.path) == ["/p", "/n", "/u"])
        #expect(plans.created == .mount)
        #expect(plans[.ipc] == .inherit)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import EngineConfiguration
import OCIRuntimeSpec
import Testing

@testable import CRIService

/// What a pod's author can have by annotations, where the handler allows them.
struct SpecAnnotationTests {
    private func spec(
        _ annotations: [String: String], allowed: [String], _ change: (inout SpecRequest) -> Void = { _ in }
    ) throws -> Spec {
        try SpecRequest {
            $0.container.metadata.name = "c"
            $0.pod.annotations = annotations
            $0.defaults.allowedAnnotations = allowed
            change(&$0)
        }.build()
    }

    @Test(arguments: [("077", 0o77), ("0027", 0o27), ("0", 0)] as [(String, UInt32)])
    func theMask(text: String, mask: UInt32) throws {
        for name in ["umask.crio.io", "io.kubernetes.cri-o.umask"] {
            #expect(try spec([name: text], allowed: [name]).process?.user?.umask == mask)
            #expect(try spec([name: text], allowed: []).process?.user?.umask == nil)
        }
    }

    @Test(arguments: ["", "8", "+77", "-1", "01000", "u=rwx", "0x1"])
    func masksThatAreNone(text: String) {
        let error = #expect(throws: ServiceError.self) {
            try spec(["umask.crio.io": text], allowed: ["umask.crio.io"])
        }
        #expect(error?.code == .invalid && error?.subject == "umask.crio.io")
    }

    @Test(
        arguments: [
            ("memory.high=1000", ["memory.high": "1000"]),
            ("memory.high=max;memory.swap.max=0", ["memory.high": "max", "memory.swap.max": "0"]),
            // In base64, "8:0 rbps=1".
            ("io.max=ODowIHJicHM9MQ==", ["io.max": "8:0 rbps=1"]), ("cpu.weight=", ["cpu.weight": ""]),
        ] as [(String, [String: String])])
    func keysOfTheCgroup(text: String, keys: [String: String]) throws {
        for (name, rule) in [
            ("unified-cgroup.crio.io/c", "unified-cgroup.crio.io/"),
            ("io.kubernetes.cri-o.UnifiedCgroup.c", "io.kubernetes.cri-o.UnifiedCgroup."),
        ] {
            #expect(try spec([name: text], allowed: [rule]).linux?.resources?.unified == keys)
            #expect(try spec([name: text], allowed: []).linux?.resources?.unified == nil)
        }
        // Another container's.
        let other = try spec(["unified-cgroup.crio.io/d": text], allowed: ["unified-cgroup.crio.io/"])
        #expect(other.linux?.resources?.unified == nil)
    }

    @Test func keysOfTheCgroupComeBesideThoseOfTheRequest() throws {
        let spec = try spec(["unified-cgroup.crio.io/c": "memory.high=1"], allowed: ["unified-cgroup.crio.io/"]) {
            $0.container.linux.resources.unified = ["memory.high": "2", "memory.low": "3"]
        }
        #expect(spec.linux?.resources?.unified == ["memory.high": "1", "memory.low": "3"])
    }

    @Test(arguments: ["memory.high", "=1", "high=1", "../memory.high=1", "a/b.c=1", "cgroup.procs=1"])
    func keysThatAreNone(text: String) {
        let error = #expect(throws: ServiceError.self) {
            try spec(["unified-cgroup.crio.io/c": text], allowed: ["unified-cgroup.crio.io/"])
        }
        #expect(error?.code == .invalid && error?.subject == "unified-cgroup.crio.io/c")
    }

    @Test func cgroupsThatTheContainerWrites() throws {
        let name = "cgroup2-mount-hierarchy-rw.crio.io"
        func access(_ value: String, allowed: [String] = [name], delegates: Bool = true) throws -> Bool? {
            try spec([name: value], allowed: allowed) {
                $0.host.hasUnifiedCgroups = true
                $0.host.delegatesCgroups = delegates
            }.mounts?.first { $0.destination == "/sys/fs/cgroup" }?.options?.contains("rw")
        }
        #expect(try access("true") == true)
        #expect(try access("false") == false)
        #expect(try access("true", allowed: []) == false)
        // It could lift its own limits.
        let error = #expect(throws: ServiceError.self) { try access("true", delegates: false) }
        #expect(error?.code == .invalid && error?.subject == name)
        // On cgroup v1 there is no such mount.
        #expect(throws: ServiceError.self) { try spec([name: "true"], allowed: [name]) }
    }

    @Test func volumesOfTheImageAreMounted() throws {
        func places(_ taken: [PreparedMount] = []) throws -> [String] {
            try spec([:], allowed: []) {
                $0.mounts = taken
                $0.imageVolumes = [
                    PreparedMount(destination: "/data/", source: "/v/0"),
                    PreparedMount(destination: "/", source: "/v/1"),
                    PreparedMount(destination: "relative", source: "/v/2"),
                ]
            }.mounts?.filter { $0.source?.hasPrefix("/v/") == true }.map { "\($0.destination) \($0.source ?? "")" }
                ?? []
        }
        #expect(try places() == ["/data /v/0"])
        #expect(try places([PreparedMount(destination: "/data", source: "/mine")]).isEmpty)
        #expect(try places([PreparedMount(destination: "/data/deeper", source: "/mine")]) == ["/data /v/0"])
    }

    private static let workload = {
        var workload = WorkloadConfig()
        workload.activationAnnotation = "special"
        workload.annotationPrefix = "resources.special"
        (workload.cpuShares, workload.cpuset) = (512, "0-1")
        return workload
    }()

    @Test(
        arguments: [
            (nil, LinuxCPU(shares: 512, quota: 5000, cpus: "0-1")),
            (#"{"cpushares": 2}"#, LinuxCPU(shares: 2, quota: 5000, cpus: "0-1")),
            (#"{"cpuset": "3", "cpulimit": 1500}"#, LinuxCPU(shares: 512, quota: 150_000, period: 100_000, cpus: "3")),
            (#"{"cpuquota": -1, "cpuperiod": 7000}"#, LinuxCPU(shares: 512, quota: -1, period: 7000, cpus: "0-1")),
            (#"{"cpulimit": 1}"#, LinuxCPU(shares: 512, quota: 1000, period: 100_000, cpus: "0-1")),
        ] as [(String?, LinuxCPU)])
    func aWorkloadHasOtherProcessors(annotation: String?, cpu: LinuxCPU) throws {
        var annotations = ["special": ""]
        annotations["resources.special/c"] = annotation
        let resources = try WorkloadResources(Self.workload, container: "c", annotations: annotations)
        let spec = try spec(annotations, allowed: []) {
            $0.container.linux.resources.cpuShares = 1024
            $0.container.linux.resources.cpuQuota = 5000
            $0.defaults.workload = resources
        }
        #expect(spec.linux?.resources?.cpu == cpu)
    }

    @Test(arguments: [
        "", "2", #"{"cpushares": -1}"#, #"{"cpuquota": -2}"#, #"{"cpulimit": -5}"#, #"{"cpuset": 0}"#,
        #"{"cpuperiod": 18446744073709551615, "cpulimit": 1}"#, #"{"cpulimit": 9223372036854775807}"#,
        #"{"cpuperiod": 5}"#,
    ])
    func annotationsOfAWorkloadThatAreNone(text: String) {
        let error = #expect(throws: ServiceError.self) {
            try WorkloadResources(Self.workload, container: "c", annotations: ["resources.special/c": text])
        }
        #expect(error?.code == .invalid && error?.subject == "resources.special/c")
    }

    @Test func theWordOnFIPS() throws {
        let rules = ["disable-fips.crio.io", "io.kubernetes.cri-o.DisableFIPS"]
        for name in rules {
            #expect(FIPSAnnotation.asksToHideIt([name: "true"], rules))
            #expect(!FIPSAnnotation.asksToHideIt([name: "false"], rules))
            #expect(!FIPSAnnotation.asksToHideIt([name: "true"], []))
        }
        func mount(_ change: (inout SpecBuilder.Input) -> Void) throws -> Mount? {
            var input = SpecRequest().input
            change(&input)
            return try SpecBuilder.build(input).mounts?.first { $0.destination == "/proc/sys/crypto/fips_enabled" }
        }
        #expect(try mount { _ in } == nil)
        let found = try mount { $0.fipsFile = "/bundle/fips" }
        #expect(found?.source == "/bundle/fips" && found?.options?.contains("ro") == true)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import NRIAPI
import OCIRuntimeSpec
import SwiftProtobuf
import Testing

@testable import NRI

@Suite struct AdjustmentTests {
    private static let spec = Spec(
        process: Process(
            args: ["sh"], env: ["A=1", "B=2=3"], cwd: "/", rlimits: [POSIXRlimit(type: "RLIMIT_CORE", hard: 1, soft: 1)]
        ),
        mounts: [Mount(destination: "/proc"), Mount(destination: "/data", source: "/old")],
        annotations: ["kept": "1", "gone": "2"],
        linux: LinuxConfig(
            sysctl: ["a": "1", "b": "2"],
            resources: LinuxResources(
                devices: [LinuxDeviceCgroup(allow: false, access: "rwm")],
                memory: LinuxMemory(limit: 100, swap: 100), cpu: LinuxCPU(shares: 5, cpus: "0")),
            namespaces: [LinuxNamespace(type: .pid), LinuxNamespace(type: .ipc, path: "/ipc")]))

    private static func merged(
        _ wanted: [(String, NRIContainerAdjustment)]
    ) throws -> AdjustmentMerge {
        var merge = AdjustmentMerge(
            .with {
                $0 = NRIContainer(spec); $0.id = "c"
            })
        for (plugin, adjustment) in wanted { try merge.add(.with { $0.adjust = adjustment }, of: plugin) }
        return merge
    }

    private static func applied(_ wanted: NRIContainerAdjustment...) throws -> Spec {
        try SpecAdjustment.apply(merged(wanted.enumerated().map { ("p\($0.offset)", $0.element) }), to: spec)
    }

    private static func pair(_ key: String, _ value: String = "") -> NRIKeyValue {
        .with { ($0.key, $0.value) = (key, value) }
    }

    @Test func nothingChangesNothing() throws {
        var spec = Self.spec
        #expect(try Self.applied() == spec)
        spec.annotations = nil
        let merge = AdjustmentMerge(NRIContainer(spec))
        #expect(try SpecAdjustment.apply(merge, to: spec).annotations == [:])
    }

    @Test func variablesAndAnnotations() throws {
        let spec = try Self.applied(
            .with {
                $0.env = [Self.pair("B", "new"), Self.pair("-A"), Self.pair("C", "x=y")]
                $0.annotations = ["-gone": "", "more": "3", "kept": "4"]
            })
        #expect(spec.process?.env == ["B=new", "C=x=y"])
        #expect(spec.annotations == ["kept": "4", "more": "3"])
    }

    @Test func mountsAreReplacedAndOrderedByDepth() throws {
        let mounts = ["-/proc", "/a/b", "/data", "/a"].map { place in
            NRIMount.with { ($0.destination, $0.source) = (place, "/new") }
        }
        let spec = try Self.applied(.with { $0.mounts = mounts })
        #expect(spec.mounts?.map(\.destination) == ["/data", "/a", "/a/b"])
        #expect(spec.mounts?.map(\.source) == ["/new", "/new", "/new"])
    }

    @Test func propagationOfMountsNeedsThatOfTheRoot() throws {
        func root(_ options: [String]) throws -> String? {
            try Self.applied(.with { $0.mounts = [.with { ($0.destination, $0.options) = ("/a", options) }] })
                .linux?.rootfsPropagation
        }
        #expect(try root(["rbind"]) == nil)
        #expect(try root(["rbind", "rslave"]) == "rslave")
        #expect(try root(["rbind", "rshared"]) == "rshared")
    }

    @Test func limits() throws {
        let spec = try Self.applied(
            .with {
                $0.rlimits = [.with { ($0.type, $0.hard, $0.soft) = ("RLIMIT_CORE", 9, 8) }]
                $0.linux.resources.memory.limit.value = 50
                $0.linux.resources.cpu.cpus = "1-2"
                $0.linux.resources.pids.limit = 7
                $0.linux.resources.hugepageLimits = [.with { ($0.pageSize, $0.limit) = ("2MB", 4) }]
                $0.linux.resources.unified = ["memory.high": "40"]
                $0.linux.oomScoreAdj.value = -5
            })
        #expect(spec.process?.rlimits == [POSIXRlimit(type: "RLIMIT_CORE", hard: 9, soft: 8)])
        #expect(spec.process?.oomScoreAdj == -5)
        let resources = spec.linux?.resources
        // Swap was bound to the limit.
        #expect(resources?.memory == LinuxMemory(limit: 50, swap: 50))
        #expect(resources?.cpu == LinuxCPU(shares: 5, cpus: "1-2"))
        #expect(resources?.pids == LinuxPids(limit: 7) && resources?.unified == ["memory.high": "40"])
        #expect(resources?.hugepageLimits == [LinuxHugepageLimit(pageSize: "2MB", limit: 4)])
    }

    @Test func devicesCanBeUsedUntilTheyAreTakenAway() throws {
        let device = NRILinuxDevice.with { ($0.path, $0.type, $0.major, $0.minor) = ("/dev/x", "c", 1, 3) }
        let with = try Self.applied(.with { $0.linux.devices = [device] })
        #expect(with.linux?.devices == [LinuxDevice(type: "c", path: "/dev/x", major: 1, minor: 3)])
        let rule = LinuxDeviceCgroup(allow: true, type: "c", major: 1, minor: 3, access: "rwm")
        #expect(with.linux?.resources?.devices?.last == rule)
        var merge = AdjustmentMerge(NRIContainer(with))
        try merge.add(.with { $0.adjust.linux.devices = [.with { $0.path = "-/dev/x" }] }, of: "p")
        let without = try SpecAdjustment.apply(merge, to: with)
        #expect(without.linux?.devices == [] && without.linux?.resources?.devices?.contains(rule) == false)
    }

    @Test func namespacesAndSysctls() throws {
        let spec = try Self.applied(
            .with {
                $0.linux.namespaces = [
                    .with { $0.type = "-pid" }, .with { ($0.type, $0.path) = ("ipc", "/other") },
                    .with { $0.type = "cgroup" },
                ]
                $0.linux.sysctl = ["-a": "", "b": "3"]
            })
        #expect(
            spec.linux?.namespaces == [LinuxNamespace(type: .ipc, path: "/other"), LinuxNamespace(type: .cgroup)])
        #expect(spec.linux?.sysctl == ["b": "3"])
    }

    @Test func schedulingAndSeccomp() throws {
        let spec = try Self.applied(
            .with {
                ($0.linux.ioPriority.class, $0.linux.ioPriority.priority) = (.idle, 3)
                ($0.linux.scheduler.policy, $0.linux.scheduler.priority) = (.schedFifo, 10)
                $0.linux.scheduler.flags = [.schedFlagResetOnFork]
                ($0.linux.memoryPolicy.mode, $0.linux.memoryPolicy.nodes) = (.mpolBind, "0")
                $0.linux.memoryPolicy.flags = [.mpolFStaticNodes]
                $0.linux.seccompPolicy.defaultAction = "SCMP_ACT_ALLOW"
                $0.linux.seccompPolicy.syscalls = [
                    .with { ($0.names, $0.action, $0.errnoRet.value) = (["mount"], "SCMP_ACT_ERRNO", 1) }
                ]
            })
        #expect(spec.process?.ioPriority == LinuxIOPriority(class: "IOPRIO_CLASS_IDLE", priority: 3))
        #expect(
            spec.process?.scheduler
                == Scheduler(policy: "SCHED_FIFO", priority: 10, flags: ["SCHED_FLAG_RESET_ON_FORK"]))
        #expect(
            spec.linux?.memoryPolicy
                == LinuxMemoryPolicy(mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]))
        #expect(
            spec.linux?.seccomp
                == LinuxSeccomp(
                    defaultAction: .allow,
                    syscalls: [LinuxSyscall(names: ["mount"], action: .errno, errnoRet: 1)]))
    }

    @Test func impossibleWishesNameTheirPlugin() {
        let wishes: [NRIContainerAdjustment] = [
            .with { $0.linux.resources.blockioClass.value = "gold" },
            .with { $0.linux.resources.rdtClass.value = "gold" },
            .with { $0.linux.ioPriority.priority = 3 },
            .with { $0.linux.scheduler.nice = 3 },
            .with { $0.linux.namespaces = [.with { $0.type = "moon" }] },
            .with { $0.linux.seccompPolicy.defaultAction = "SCMP_ACT_DANCE" },
            .with { $0.linux.devices = [.with { ($0.path, $0.type) = ("/dev/x", "z") }] },
        ]
        for wish in wishes {
            #expect { try Self.applied(wish) } throws: { "\($0)".contains("in NRI plugin \"p0\"") }
        }
    }

    @Test func laterPluginsSeeWhatEarlierOnesSet() throws {
        let merge = try Self.merged([
            ("a", .with { ($0.env, $0.args) = ([Self.pair("C", "3")], ["x"]) }),
            ("b", .with { ($0.env, $0.annotations) = ([Self.pair("-A")], ["n": "1"]) }),
        ])
        #expect(merge.container.env == ["B=2=3", "C=3"] && merge.container.args == ["x"])
        #expect(merge.container.annotations == ["kept": "1", "gone": "2", "n": "1"])
        #expect(merge.adjustment.env.map(\.key) == ["C", "-A"])
    }

    @Test func conflictsNameBoth() {
        let wishes: [(NRIContainerAdjustment, String)] = [
            (.with { $0.env = [Self.pair("X", "1")] }, "variable \"X\""),
            (.with { $0.annotations = ["k": "v"] }, "annotation \"k\""),
            (.with { $0.args = ["x"] }, "arguments"),
            (.with { $0.mounts = [.with { $0.destination = "/m" }] }, "mount \"/m\""),
            (.with { $0.linux.resources.cpu.shares.value = 1 }, "CPU shares"),
            (.with { $0.linux.resources.unified = ["memory.high": "1"] }, "cgroup key \"memory.high\""),
            (.with { $0.linux.oomScoreAdj.value = 0 }, "oom_score_adj"),
            (.with { $0.rlimits = [.with { $0.type = "RLIMIT_CPU" }] }, "limit \"RLIMIT_CPU\""),
        ]
        for (wish, what) in wishes {
            #expect { try Self.merged([("10-a", wish), ("20-b", wish)]) } throws: {
                "\($0)" == "set \(what) in NRI plugin \"20-b\": plugin \"10-a\" has set it"
            }
        }
    }

    @Test func whatIsTakenAwayFirstCanBeSetAnew() throws {
        let merge = try Self.merged([
            ("a", .with { ($0.env, $0.args) = ([Self.pair("X", "1")], ["x"]) }),
            ("b", .with { ($0.env, $0.args) = ([Self.pair("-X"), Self.pair("X", "2")], ["", "y"]) }),
        ])
        #expect(merge.adjustment.env == [Self.pair("X", "2")] && merge.adjustment.args == ["y"])
        #expect(merge.owners.message.compound[Int32(NRIField.env.rawValue)]?.owners == ["X": "b"])
    }

    @Test func hooksOfAllAreRun() throws {
        let hook = NRIContainerAdjustment.with { $0.hooks.poststop = [.with { $0.path = "/h" }] }
        let merge = try Self.merged([("a", hook), ("b", hook)])
        #expect(
            try SpecAdjustment.apply(merge, to: Self.spec).hooks
                == Hooks(poststop: [Hook(path: "/h"), Hook(path: "/h")]))
        #expect(merge.owners.owner(of: .ociHooks) == "a,b")
    }

    @Test func updatesOfOthers() throws {
        func update(_ id: String, _ shares: UInt64, mayFail: Bool = false) -> NRIContainerUpdate {
            .with { ($0.containerID, $0.ignoreFailure, $0.linux.resources.cpu.shares.value) = (id, mayFail, shares) }
        }
        var merge = UpdateMerge(subject: "own", resources: .with { $0.memory.limit.value = 9 })
        try merge.add([update("own", 1), update("x", 2, mayFail: true)], of: "a")
        // A conflict of what may fail is a failure.
        try merge.add([update("x", 3, mayFail: true), update("y", 4)], of: "b")
        #expect(merge.resources.cpu.shares.value == 1 && merge.resources.memory.limit.value == 9)
        #expect(merge.updates == [update("x", 2, mayFail: true), update("y", 4)])
        #expect(throws: PluginError.self) { try merge.add([update("y", 5)], of: "c") }
        var creation = AdjustmentMerge(.with { $0.id = "c" })
        #expect(throws: PluginError.self) { try creation.add(.with { $0.update = [update("c", 1)] }, of: "a") }
    }

    @Test func rules() throws {
        var rules = AdjustmentRules()
        rules.rejectsHooks = true
        rules.requiredPlugins = ["needed"]
        rules.tolerationAnnotation = "tolerate"
        func check(_ wish: NRIContainerAdjustment, pod: [String: String] = [:], present: [String] = ["needed"]) throws {
            let merge = try Self.merged([("10-p", wish)])
            try rules.check(
                .with {
                    $0.pod.annotations = pod
                    $0.plugins = present.map { name in .with { $0.name = name } }
                }, merge.owners)
        }
        try check(.init())
        let hook = NRIContainerAdjustment.with { $0.hooks.poststop = [.with { $0.path = "/h" }] }
        #expect { try check(hook) } throws: { "\($0)".contains("\"10-p\"") }
        #expect { try check(.init(), present: []) } throws: { "\($0)".contains("\"needed\"") }
        try check(.init(), pod: ["tolerate": "true"], present: [])
        for list in ["[\"more\", 'needed']", "- needed\n- more\n", "more"] {
            let pod = [AdjustmentRules.requirementAnnotation: list]
            #expect { try check(.init(), pod: pod) } throws: { "\($0)".contains("\"more\"") }
            try check(.init(), pod: pod, present: ["needed", "more"])
        }
        rules.rejectsUnconfinedSeccomp = true
        let seccomp = NRIContainerAdjustment.with { $0.linux.seccompPolicy.defaultAction = "SCMP_ACT_ALLOW" }
        #expect { try check(seccomp) } throws: { "\($0)".contains("seccomp policy") }
    }

    @Test func partsOfALongList() {
        var inventory = PluginInventory()
        #expect(SynchronizeParts.split(inventory) == [.init()])
        inventory.pods = (0..<3).map { number in .with { $0.id = "pod\(number)" } }
        inventory.containers = (0..<3).map { number in .with { $0.id = "con\(number)" } }
        #expect(SynchronizeParts.split(inventory).map(\.more) == [false])
        // Six bytes each.
        let parts = SynchronizeParts.split(inventory, maximumSize: 13)
        #expect(parts.map(\.more) == [true, true, false])
        #expect(
            parts.map { $0.pods.map(\.id) + $0.containers.map(\.id) } == [
                ["pod0", "pod1"], ["pod2", "con0"], ["con1", "con2"],
            ])
        #expect(SynchronizeParts.split(inventory, maximumSize: 1).count == 6)
    }
}

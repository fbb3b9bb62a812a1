// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import Testing

@testable import ContainerRuntime

@Suite("Scheduling, CPUs, memory nodes")
struct ProcessPropertyTests {
    typealias Refusal = ContainerPlanTests.Refusal

    static let refusals: [Refusal] = [
        Refusal("scheduler policy is required") { $0.process?.scheduler = Scheduler(policy: "") },
        Refusal("scheduler policy \"SCHED_ISO\" is not supported") {
            $0.process?.scheduler = Scheduler(policy: "SCHED_ISO")
        },
        Refusal("invalid scheduler.nice: 20") {
            $0.process?.scheduler = Scheduler(policy: "SCHED_OTHER", nice: 20)
        },
        Refusal("scheduler.nice can only be specified for SCHED_OTHER or SCHED_BATCH policy") {
            $0.process?.scheduler = Scheduler(policy: "SCHED_RR", nice: 1, priority: 1)
        },
        Refusal("scheduler.priority can only be specified for SCHED_FIFO or SCHED_RR policy") {
            $0.process?.scheduler = Scheduler(policy: "SCHED_OTHER", priority: 1)
        },
        Refusal("scheduler.priority 0 is out of range 1 to 99 for SCHED_FIFO policy") {
            $0.process?.scheduler = Scheduler(policy: "SCHED_FIFO")
        },
        Refusal("scheduler flag \"X\" is unknown") {
            $0.process?.scheduler = Scheduler(policy: "SCHED_OTHER", flags: ["X"])
        },
        Refusal("scheduler runtime/deadline/period can only be specified for SCHED_DEADLINE policy") {
            $0.process?.scheduler = Scheduler(policy: "SCHED_OTHER", period: 1)
        },
        Refusal("scheduler.runtime 0 is too short: SCHED_DEADLINE needs 1024 nanoseconds") {
            $0.process?.scheduler = Scheduler(policy: "SCHED_DEADLINE")
        },
        Refusal("scheduler.runtime 3000 is longer than scheduler.deadline 2000") {
            $0.process?.scheduler = Scheduler(policy: "SCHED_DEADLINE", runtime: 3000, deadline: 2000)
        },
        Refusal("scheduler.deadline 3000 is longer than scheduler.period 2000") {
            $0.process?.scheduler = Scheduler(policy: "SCHED_DEADLINE", runtime: 2000, deadline: 3000, period: 2000)
        },
        Refusal("invalid ioPriority.priority: 8") {
            $0.process?.ioPriority = LinuxIOPriority(class: "IOPRIO_CLASS_BE", priority: 8)
        },
        Refusal("invalid ioPriority.class: \"x\"") { $0.process?.ioPriority = LinuxIOPriority(class: "x") },
        Refusal("execCPUAffinity.initial \"0-\" is not a list of CPUs") {
            $0.process?.execCPUAffinity = CPUAffinity(initial: "0-")
        },
        Refusal("execCPUAffinity.final \"9999\" is not a list of CPUs") {
            $0.process?.execCPUAffinity = CPUAffinity(final: "9999")
        },
        Refusal("memoryPolicy.mode is required") { $0.linux?.memoryPolicy = LinuxMemoryPolicy() },
        Refusal("invalid memory policy mode \"x\"") { $0.linux?.memoryPolicy = LinuxMemoryPolicy(mode: "x") },
        Refusal("memoryPolicy.nodes \"a\" is not a list of memory nodes") {
            $0.linux?.memoryPolicy = LinuxMemoryPolicy(mode: "MPOL_BIND", nodes: "a")
        },
        Refusal("memory policy MPOL_BIND needs at least one node") {
            $0.linux?.memoryPolicy = LinuxMemoryPolicy(mode: "MPOL_BIND")
        },
        Refusal("memory policy MPOL_LOCAL takes no nodes") {
            $0.linux?.memoryPolicy = LinuxMemoryPolicy(mode: "MPOL_LOCAL", nodes: "0")
        },
        Refusal("invalid memory policy flag \"x\"") {
            $0.linux?.memoryPolicy = LinuxMemoryPolicy(mode: "MPOL_BIND", nodes: "0", flags: ["x"])
        },
        Refusal("memory policy flags MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other") {
            $0.linux?.memoryPolicy = LinuxMemoryPolicy(
                mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"])
        },
        Refusal("memory policy flag MPOL_F_NUMA_BALANCING needs mode MPOL_BIND or MPOL_PREFERRED_MANY") {
            $0.linux?.memoryPolicy = LinuxMemoryPolicy(
                mode: "MPOL_INTERLEAVE", nodes: "0", flags: ["MPOL_F_NUMA_BALANCING"])
        },
        Refusal("memory policy flag MPOL_F_STATIC_NODES needs nodes") {
            $0.linux?.memoryPolicy = LinuxMemoryPolicy(mode: "MPOL_DEFAULT", flags: ["MPOL_F_STATIC_NODES"])
        },
        Refusal("personality flag \"ADDR_NO_RANDOMIZE\" is not supported") {
            $0.linux?.personality = LinuxPersonality(domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"])
        },
        Refusal("consoleSize 65536x1 is out of range 0 to 65535") {
            $0.process?.terminal = true
            $0.process?.consoleSize = ConsoleSize(height: 65536, width: 1)
        },
    ]

    @Test(arguments: refusals)
    func whatIsWrongIsRefused(_ refusal: Refusal) {
        #expect(throws: PlanError(refusal.message)) { try ContainerPlanTests.plan(refusal.change) }
    }

    @Test func numbersOfTheKernel() throws {
        let plan = try ContainerPlanTests.plan {
            $0.process?.scheduler = Scheduler(
                policy: "SCHED_DEADLINE", flags: ["SCHED_FLAG_RECLAIM", "SCHED_FLAG_RESET_ON_FORK"], runtime: 1024,
                deadline: 1024)
            $0.process?.ioPriority = LinuxIOPriority(class: "IOPRIO_CLASS_RT", priority: 4)
            $0.linux?.memoryPolicy = LinuxMemoryPolicy(
                mode: "MPOL_PREFERRED_MANY", nodes: "0,2", flags: ["MPOL_F_RELATIVE_NODES"])
        }
        let scheduler = try #require(plan.process.scheduling.scheduler)
        #expect((scheduler.policy, scheduler.flags, scheduler.runtime, scheduler.deadline) == (6, 3, 1024, 1024))
        #expect(plan.process.scheduling.ioPriority == 0x2004)
        #expect(plan.process.memoryPolicy?.mode == 0x4005)
        #expect(plan.process.memoryPolicy?.nodes.words == [5])
    }

    @Test(
        arguments: [
            ("0", [1]), ("0-3,7", [0x8f]), (" 1 , 3", [10]), ("64", [0, 1]), ("63-64", [1 << 63, 1]), ("", nil),
            ("-1", nil),
            ("3-1", nil), ("0,", nil), ("+1", nil), ("1-2-3", nil), ("128", nil), ("1 2", nil),
            ("99999999999999999999", nil),
        ] as [(String, [UInt64]?)])
    func lists(_ text: String, _ words: [UInt64]?) {
        #expect(NumberSet(list: text, below: 128)?.words == words)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import TestSupport
import Testing

@testable import ContainerRuntime

/// A directory plays the file system; what the kernel would make in a new group is made by the test.
@Suite("Resctrl")
struct ResctrlTests {
    private let folder: TemporaryDirectory
    private var root: String { folder.path }

    init() throws {
        folder = try TemporaryDirectory()
        try populate(root)
    }

    private func populate(_ group: String, schemata: String = "") throws {
        try Syscall.makeDirectories("\(group)/mon_groups")
        try AtomicFile.write("\(group)/schemata", schemata)
        try AtomicFile.write("\(group)/tasks", "")
    }

    static let refusals: [ContainerPlanTests.Refusal] = [
        .init("invalid intelRdt.closID \"..\"") { $0.linux?.intelRdt = LinuxIntelRdt(closID: "..") },
        .init("invalid intelRdt.closID \"a/b\"") { $0.linux?.intelRdt = LinuxIntelRdt(closID: "a/b") },
        .init("intelRdt.memBwSchema \"L3:0=f\" must be one line that begins with MB:") {
            $0.linux?.intelRdt = LinuxIntelRdt(memBwSchema: "L3:0=f")
        },
        .init("intelRdt.memBwSchema \"MB:0=1\nMB:1=2\" must be one line that begins with MB:") {
            $0.linux?.intelRdt = LinuxIntelRdt(memBwSchema: "MB:0=1\nMB:1=2")
        },
    ]

    @Test(arguments: refusals)
    func whatIsWrongIsRefused(_ refusal: ContainerPlanTests.Refusal) {
        #expect(throws: PlanError(refusal.message)) { try ContainerPlanTests.plan(refusal.change) }
    }

    @Test func bandwidthHasAPropertyOfItsOwn() throws {
        let plan = try ResctrlPlan(LinuxIntelRdt(l3CacheSchema: "L3:0=f\nMB:0=20\nL3CODE:0=1", memBwSchema: "MB:0=70"))
        #expect(plan.lines == ["L3:0=f", "L3CODE:0=1", "MB:0=70"])
        #expect(try ResctrlPlan(LinuxIntelRdt(l3CacheSchema: "L3:0=f\nMB:0=20")).lines == ["L3:0=f", "MB:0=20"])
        #expect(try !ResctrlPlan(LinuxIntelRdt(closID: "", schemata: [], l3CacheSchema: "")).hasSchemata)
    }

    @Test func groupOfTheContainersOwn() throws {
        let plan = try ResctrlPlan(LinuxIntelRdt(l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=70"))
        let group = ResctrlGroup(plan, id: "c", root: root)
        #expect(try !group.create(plan))
        try populate("\(root)/c")
        try group.configure(plan, existed: false)
        try group.add(42)
        #expect(try Syscall.readText("\(root)/c/schemata") == "L3:0=f\nMB:0=70\n")
        #expect(try Syscall.readText("\(root)/c/tasks") == "42\n")
        // The kernel removes the files with the directory.
        try Syscall.removeTree("\(root)/c")
        try Syscall.makeDirectory("\(root)/c")
        try group.remove()
        try group.remove()
        #expect(!Syscall.exists("\(root)/c"))
    }

    @Test func schemataAreWrittenLast() throws {
        let plan = try ResctrlPlan(
            LinuxIntelRdt(closID: "gold", schemata: ["L2:0=f", "MB:0=9"], l3CacheSchema: "L3:0=f"))
        let group = ResctrlGroup(plan, id: "c", root: root)
        try populate("\(root)/gold", schemata: "    L3:0=0f;1=ff\n    MB:0=100\n")
        #expect(try group.create(plan))
        try group.configure(plan, existed: true)
        // The file of a real file system takes each write for itself.
        #expect(try Syscall.readText("\(root)/gold/schemata").hasPrefix("L2:0=f\nMB:0=9\n"))
    }

    @Test func groupThatIsThereKeepsWhatItHas() throws {
        try populate("\(root)/gold", schemata: "    L3:0=7ff;1=00f\n")
        for (schema, fits) in [("L3:0=7ff", true), ("L3:1=f;0=07ff", true), ("L3:0=7f", false), ("L2:0=7ff", false)] {
            let plan = try ResctrlPlan(LinuxIntelRdt(closID: "gold", l3CacheSchema: schema))
            let group = ResctrlGroup(plan, id: "c", root: root)
            #expect(try group.create(plan))
            if fits {
                try group.configure(plan, existed: true)
            } else {
                let message = "resctrl group \"\(root)/gold\" does not have the schema \"\(schema)\""
                #expect(throws: RuntimeError(message)) { try group.configure(plan, existed: true) }
            }
            try group.remove()
        }
        #expect(try Syscall.readText("\(root)/gold/schemata") == "    L3:0=7ff;1=00f\n")
    }

    @Test func groupThatMustBeThere() throws {
        let plan = try ResctrlPlan(LinuxIntelRdt(closID: "gold"))
        let group = ResctrlGroup(plan, id: "c", root: root)
        #expect(throws: SystemError("find the pre-configured resctrl group", "\(root)/gold", .ENOENT)) {
            try group.create(plan)
        }
        try populate("\(root)/gold")
        #expect(try group.create(plan))
        // The root group is always there.
        let all = try ResctrlPlan(LinuxIntelRdt(closID: "/"))
        #expect(try ResctrlGroup(all, id: "c", root: root).create(all))
        #expect(ResctrlGroup(all, id: "c", root: root).directory == root)
    }

    @Test func monitoring() throws {
        let plan = try ResctrlPlan(LinuxIntelRdt(closID: "gold", enableMonitoring: true))
        let group = ResctrlGroup(plan, id: "c", root: root)
        try populate("\(root)/gold")
        _ = try group.create(plan)
        try group.createMonitoring()
        try AtomicFile.write("\(root)/gold/mon_groups/c/tasks", "")
        try group.add(7)
        #expect(try Syscall.readText("\(root)/gold/tasks") == "7\n")
        #expect(try Syscall.readText("\(root)/gold/mon_groups/c/tasks") == "7\n")
        try Syscall.removeFile("\(root)/gold/mon_groups/c/tasks")
        try group.remove()
        #expect(!Syscall.exists("\(root)/gold/mon_groups/c"))
        #expect(Syscall.exists("\(root)/gold"))
    }
}

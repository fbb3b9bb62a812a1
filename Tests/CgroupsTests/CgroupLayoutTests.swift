// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import Cgroups

@Suite struct CgroupLayoutTests {
    @Test func `controllers in v1 beside an empty unified hierarchy make a hybrid host`() throws {
        let layout = try CgroupLayout(
            mountInfo: """
                31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
                32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
                35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
                40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
                41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw

                """,
            memberships: """
                9:name=systemd:/
                4:memory:/process_api/c19c
                1:cpu,cpuacct:/
                0::/

                """)
        #expect(
            layout
                == CgroupLayout(
                    mode: .hybrid,
                    legacy: [
                        .init(controllers: ["cpu", "cpuacct"], mountPoint: "/sys/fs/cgroup/cpu,cpuacct"),
                        .init(
                            controllers: ["memory"], mountPoint: "/sys/fs/cgroup/memory",
                            ownPath: "/process_api/c19c"),
                        .init(controllers: ["name=systemd"], mountPoint: "/sys/fs/cgroup/systemd"),
                    ], unified: .init(controllers: [], mountPoint: "/sys/fs/cgroup/unified")))
    }

    @Test func `only v1 hierarchies make a v1 host`() throws {
        let layout = try CgroupLayout(
            mountInfo: "35 31 0:32 / /cg/mem\\040ory rw - cgroup cgroup rw,memory", memberships: "4:memory:/a:b")
        #expect(layout.mode == .v1)
        #expect(layout.unified == nil)
        #expect(layout.legacy.map(\.mountPoint) == ["/cg/mem ory"])
        #expect(layout.legacy.map(\.ownDirectory) == ["/cg/mem ory/a:b"])
    }

    @Test func `a stray v1 mount leaves a v2 host a v2 host`() throws {
        let layout = try CgroupLayout(
            mountInfo: """
                30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
                99 23 0:77 / /opt/vpn/net_cls rw - cgroup net_cls rw,net_cls
                """,
            memberships: "1:net_cls:/\n0::/system.slice/skiffd.service")
        #expect(layout.mode == .v2)
        #expect(layout.legacy.isEmpty)
        #expect(layout.unified?.ownDirectory == "/sys/fs/cgroup/system.slice/skiffd.service")
    }

    @Test func `a hierarchy that was mounted over the others is the one that counts`() throws {
        let hybrid = """
            23 1 0:20 / /sys rw - sysfs sysfs rw
            31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
            35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw

            """
        let memberships = "4:memory:/\n0::/"
        let whole = try CgroupLayout(
            mountInfo: hybrid + "50 31 0:38 / /sys/fs/cgroup rw - cgroup2 none rw", memberships: memberships)
        #expect(whole.mode == .v2)
        #expect(whole.unified?.mountPoint == "/sys/fs/cgroup")
        let oneHidden = try CgroupLayout(
            mountInfo: hybrid + "50 35 0:39 / /sys/fs/cgroup/memory rw - tmpfs none rw", memberships: memberships)
        #expect(oneHidden.legacy.isEmpty)
        #expect(oneHidden.mode == .v2)
        let allHidden = hybrid + "50 23 0:40 / /sys/fs rw - tmpfs none rw"
        #expect(throws: CgroupError.self) { try CgroupLayout(mountInfo: allHidden, memberships: memberships) }
    }

    @Test func `a part of a hierarchy that is bound into a container is entered by its root`() throws {
        let layout = try CgroupLayout(
            mountInfo: "35 31 0:32 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids",
            memberships: "4:pids:/docker/abc/inner")
        #expect(layout.legacy.first?.ownDirectory == "/sys/fs/cgroup/pids/inner")
    }

    @Test func `the host that runs this test has a layout`() throws {
        let layout = try CgroupLayout.detect()
        for hierarchy in layout.legacy { #expect(CgroupDirectory(hierarchy.mountPoint).has("cgroup.procs")) }
        if layout.mode != .v1 { #expect(CgroupDirectory(try #require(layout.unified).mountPoint).has("cgroup.procs")) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Testing

@testable import Cgroups

@Suite struct CgroupLocationTests {
    private let hybrid = CgroupLayout(
        mode: .hybrid,
        legacy: [
            .init(controllers: ["cpu", "cpuacct"], mountPoint: "/cg/cpu", ownPath: "/"),
            .init(controllers: ["memory"], mountPoint: "/cg/memory", ownPath: "/own"),
        ], unified: .init(controllers: [], mountPoint: "/cg/unified", ownPath: "/"))

    private let v2 = CgroupLayout(
        mode: .v2, unified: .init(controllers: [], mountPoint: "/cg", ownPath: "/system.slice/own"))

    @Test func `an absolute path counts from the mount point`() throws {
        let location = try hybrid.location("/skiff//./a")
        #expect(location.subtrees.map(\.directory) == ["/cg/cpu/skiff/a", "/cg/memory/skiff/a", "/cg/unified/skiff/a"])
        #expect(location.directory(controller: "cpuacct") == "/cg/cpu/skiff/a")
        #expect(location.unified == "/cg/unified/skiff/a")
        #expect(try v2.location("/a").unified == "/cg/a")
    }

    @Test func `a relative path counts from the caller's cgroup, on v2 from its parent`() throws {
        #expect(
            try hybrid.location("a").subtrees.map(\.directory) == ["/cg/cpu/a", "/cg/memory/own/a", "/cg/unified/a"])
        #expect(try v2.location("a/b").unified == "/cg/system.slice/a/b")
        let root = CgroupLayout(mode: .v2, unified: .init(controllers: [], mountPoint: "/cg"))
        #expect(try root.location("a").unified == "/cg/a")
    }

    @Test(arguments: ["", "/", ".", "..", "/a/../../b", "a/..", "/a\0b"])
    func `a path that leads out or to the root is refused`(_ path: String) {
        #expect(throws: CgroupError.self) { try hybrid.location(path) }
    }

    @Test func `a child may be limited to some controllers`() throws {
        let location = try hybrid.location("/a")
        #expect(
            try location.child("b").subtrees.map(\.directory) == ["/cg/cpu/a/b", "/cg/memory/a/b", "/cg/unified/a/b"])
        #expect(
            try location.child("b", controllers: ["cpuacct"]).subtrees.map(\.directory)
                == ["/cg/cpu/a/b", "/cg/memory/a", "/cg/unified/a"])
        #expect(throws: CgroupError.self) { try location.child("../b") }
    }

    @Test func `a location survives the runtime's state file`() throws {
        let location = try hybrid.location("/a")
        let copy = try JSONDecoder().decode(CgroupLocation.self, from: JSONEncoder().encode(location))
        #expect(copy == location)
        #expect(copy.driver() is LegacyCgroup)
        #expect(try v2.location("/a").driver() is UnifiedCgroup)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import CRIService

struct SubordinateIDsTests {
    private static let ids = SubordinateIDs(
        users: """
            # people
            alice:100000:65536
            containers:200000:1000
            containers:x:1000
            containers
            containers:300000:1000
            """,
        groups: "containers:500000:5000")

    private func mapping(_ user: UInt32, _ group: UInt32, _ count: UInt32) -> UserMapping {
        UserMapping(
            users: LinuxIDMapping(containerID: 0, hostID: user, size: count),
            groups: LinuxIDMapping(containerID: 0, hostID: group, size: count))
    }

    @Test func theFirstOfAll() throws {
        #expect(try Self.ids.unused(1000, besides: []) == mapping(200_000, 500_000, 1000))
    }

    /// Whatever others have, wherever they have it from and in whichever order they came.
    @Test func besidesOthers() throws {
        let others = [
            mapping(200_600, 500_100, 300), mapping(199_000, 499_000, 1100), mapping(200_200, 500_600, 100),
            mapping(400_000, 400_000, 65536),
        ]
        #expect(try Self.ids.unused(100, besides: others) == mapping(200_100, 500_400, 100))
        #expect(try Self.ids.unused(300, besides: others) == mapping(200_300, 500_700, 300))
        #expect(try Self.ids.unused(500, besides: others) == mapping(300_000, 500_700, 500))
    }

    @Test func noneAreLeft() throws {
        var pods: [UserMapping] = []
        for _ in 0..<4 { pods.append(try Self.ids.unused(500, besides: pods)) }
        #expect(pods.map(\.users.hostID) == [200_000, 200_500, 300_000, 300_500])
        let error = #expect(throws: ServiceError.self) { try Self.ids.unused(500, besides: pods) }
        #expect(error?.code == .unavailable)
        #expect(throws: ServiceError.self) { try Self.ids.unused(1001, besides: []) }
        #expect(throws: ServiceError.self) { try SubordinateIDs(users: "", groups: "").unused(1, besides: []) }
    }
}

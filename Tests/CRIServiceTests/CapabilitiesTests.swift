// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import CRIService

struct CapabilitiesTests {
    static let defaults = ["CAP_CHOWN", "CAP_KILL"]
    static let all = Capabilities.known.sorted()

    struct Row: Sendable {
        var add: [String] = []
        var drop: [String] = []
        var sets: [String]
    }

    @Test(arguments: [
        Row(sets: defaults), Row(add: ["NET_ADMIN"], sets: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN"]),
        Row(add: ["CAP_NET_ADMIN", "net_admin"], sets: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN"]),
        Row(drop: ["KILL"], sets: ["CAP_CHOWN"]), Row(drop: ["SYS_ADMIN"], sets: defaults),
        Row(add: ["KILL"], drop: ["KILL"], sets: ["CAP_CHOWN"]), Row(drop: ["ALL"], sets: []),
        Row(drop: ["all", "CHOWN"], sets: []), Row(add: ["ALL"], sets: all),
        Row(add: ["CAP_ALL"], drop: ["CHOWN"], sets: all.filter { $0 != "CAP_CHOWN" }),
        Row(add: ["NET_BIND_SERVICE"], drop: ["ALL"], sets: ["CAP_NET_BIND_SERVICE"]),
        Row(add: ["ALL"], drop: ["ALL"], sets: []),
    ])
    func addsAndDrops(_ row: Row) throws {
        let found = try Capabilities(defaults: Self.defaults, add: row.add, drop: row.drop)
        #expect(found.sets == row.sets && found.ambient == [])
    }

    @Test(arguments: ["NOTHING", "", "CAP_", "CAP_CAP_CHOWN", "CHOWN "])
    func refusesUnknownNames(name: String) {
        let error = ServiceError(.invalid, "read capability", name, "no such capability")
        #expect(throws: error) { try Capabilities(defaults: [], add: [name], drop: []) }
        #expect(throws: error) { try Capabilities(defaults: [], add: [], drop: [name]) }
        #expect(throws: error) { try Capabilities(defaults: [], add: [], drop: [], ambient: [name]) }
    }

    @Test func goesNoFurtherThanTheDaemon() throws {
        let holds: Set = ["CAP_CHOWN", "CAP_NET_RAW"]
        func sets(_ add: [String], privileged: Bool = false) throws -> [String] {
            try Capabilities(defaults: Self.defaults, add: add, drop: [], privileged: privileged, holds: holds).sets
        }
        #expect(try sets([]) == ["CAP_CHOWN"])
        #expect(try sets(["ALL"]) == ["CAP_CHOWN", "CAP_NET_RAW"])
        #expect(try sets([], privileged: true) == ["CAP_CHOWN", "CAP_NET_RAW"])
        #expect(
            throws: ServiceError(.invalid, "add capability", "CAP_SYS_ADMIN", "the daemon itself does not have it")
        ) { try sets(["SYS_ADMIN"]) }
    }

    @Test func ambientOnesAreInAllSets() throws {
        let found = try Capabilities(
            defaults: Self.defaults, add: [], drop: ["KILL"], ambient: ["NET_RAW", "KILL"])
        #expect(found.sets == ["CAP_CHOWN", "CAP_NET_RAW"] && found.ambient == ["CAP_NET_RAW"])
    }

    @Test(
        arguments: [
            (0, []), (1, ["CAP_CHOWN"]), (0x200_0020, ["CAP_KILL", "CAP_SYS_TIME"]),
            (1 << 40, ["CAP_CHECKPOINT_RESTORE"]), (1 << 60, []), (0x1ff_ffff_ffff, Set(Capabilities.known)),
        ] as [(UInt64, Set<String>)])
    func readsMasks(mask: UInt64, names: Set<String>) { #expect(Capabilities.names(mask: mask) == names) }

    @Test func readsTheKernelsText() {
        let status = "Name:\tx\nCapPrm:\t000001ffffffffff\nCapBnd:\t0000000000000020\n"
        #expect(HostFacts.mask("CapPrm", in: status) == 0x1ff_ffff_ffff)
        #expect(HostFacts.mask("CapBnd", in: status) == 0x20)
        #expect(HostFacts.mask("CapAmb", in: status) == 0)
    }

    @Test(
        arguments: [
            ("hugepages-2048kB", "2MB"), ("hugepages-1048576kB", "1GB"), ("hugepages-64kB", "64KB"),
            ("hugepages-16777216kB", "16GB"), ("hugepages-kB", nil), ("other", nil),
        ] as [(String, String?)])
    func namesHugePages(folder: String, size: String?) { #expect(HostFacts.hugepageSize(folder) == size) }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import TestSupport
import Testing

@testable import Linux

struct InterfaceCountersTests {
    @Test func readsTheFile() {
        let text = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0
              eth0: 5000 60 7 8 0 0 0 0 9000 10 11 12 0 0 0 0
             half: 1 2 3
            """
        let found = InterfaceCounters.parse(text)
        #expect(found.map(\.name) == ["lo", "eth0"])
        #expect(found.last?.received == .init(bytes: 5000, packets: 60, errors: 7, dropped: 8))
        #expect(found.last?.sent == .init(bytes: 9000, packets: 10, errors: 11, dropped: 12))
    }

    @Test(.requiresRoot) func readsAnotherNamespaceAndComesBack() async throws {
        let before = try Syscall.readLink("/proc/self/ns/net")
        #expect(try await InterfaceCounters.read(namespace: "/proc/self/ns/net").contains { $0.name == "lo" })
        #expect(try Syscall.readLink("/proc/self/ns/net") == before)
        await #expect(throws: Errno.ENOENT) { try await InterfaceCounters.read(namespace: "/nowhere") }
    }

    @Test func measuresTrees() throws {
        let folder = try TemporaryDirectory()
        try Syscall.makeDirectory("\(folder.path)/inner")
        try AtomicFile.write("\(folder.path)/inner/file", [UInt8](repeating: 7, count: 100_000))
        try Syscall.makeLink("\(folder.path)/inner/file", "\(folder.path)/twin")
        try Syscall.makeSymlink("/", "\(folder.path)/link")
        let size = try Syscall.treeSize(folder.path)
        #expect(size.inodes == 4)
        #expect((100_000..<200_000).contains(size.bytes))
        #expect(throws: Errno.ENOENT) { try Syscall.treeSize("\(folder.path)/missing") }
    }

    @Test(arguments: [
        ("10.1.2.3", true), ("::1", true), ("fd00::1:2", true), ("", false), ("10.1.2", false), ("10.1.2.3/24", false),
        ("host", false), ("[::1]", false),
    ])
    func tellsAddresses(text: String, isOne: Bool) { #expect(IPAddress.isValid(text) == isOne) }
}

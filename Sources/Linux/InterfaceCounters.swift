// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What a network interface has counted since it was made: a line of `/proc/net/dev`, see proc_pid_net(5).
package struct InterfaceCounters: Hashable, Sendable {
    /// One direction.
    package struct Direction: Hashable, Sendable {
        package var bytes: UInt64
        package var packets: UInt64
        package var errors: UInt64
        package var dropped: UInt64
    }

    package var name: String
    package var received: Direction
    package var sent: Direction

    /// The lines of the file in their order; what is none is passed over.
    package static func parse(_ text: String) -> [InterfaceCounters] {
        text.split(separator: "\n").compactMap(Self.init)
    }

    /// `eth0: ` and 16 numbers, eight for each direction, of which the first four are bytes, packets, errors and drops.
    private init?(_ line: Substring) {
        // A name may hold no colon but that of an old alias, so the last one ends it.
        guard let colon = line.lastIndex(of: ":") else { return nil }
        let numbers = line[line.index(after: colon)...].split(separator: " ").map { UInt64($0) }
        guard numbers.count == 16 else { return nil }
        func direction(_ first: Int) -> Direction? {
            guard let bytes = numbers[first], let packets = numbers[first + 1], let errors = numbers[first + 2],
                let dropped = numbers[first + 3]
            else { return nil }
            return Direction(bytes: bytes, packets: packets, errors: errors, dropped: dropped)
        }
        guard let received = direction(0), let sent = direction(8) else { return nil }
        name = String(line[..<colon].drop { $0 == " " })
        self.received = received
        self.sent = sent
    }

    /// The interfaces of a network namespace, by the path of its file. Read on a thread that enters it and ends.
    package static func read(namespace path: String) async throws(Errno) -> [InterfaceCounters] {
        try await FreshThread.run { () throws(Errno) in
            let namespace = try Syscall.open(path, [])
            try Syscall.enterNamespace(namespace.rawValue, .network)
            return parse(try Syscall.readText("/proc/thread-self/net/dev"))
        }
    }
}

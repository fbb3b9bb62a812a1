// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Glibc
import Linux
import TestSupport
import Testing

/// A socket on which a test waits for one descriptor with a text.
struct DescriptorReceiver: ~Copyable {
    let path: String
    private let socket: UnixSocket

    init(_ path: String) throws {
        self.path = path
        socket = try UnixSocket.listen(path)
    }

    /// The next sender's text and descriptor.
    func receive() throws -> (text: [UInt8], descriptor: SharedFD) {
        try #require(try Syscall.poll(socket.rawValue, for: .readable, milliseconds: 60_000).contains(.readable))
        let connection = try socket.accept()
        var message = try connection.receive(upTo: 1 << 20)
        let descriptor = try #require(message.descriptors.first)
        // The rest of a stream, to its end.
        while true {
            let more = try connection.receive(upTo: 1 << 20)
            if more.bytes.isEmpty { break }
            message.bytes += more.bytes
        }
        return (message.bytes, descriptor)
    }

    func receiveState() throws -> (state: [String: Any], listener: SeccompAgent) {
        let (text, descriptor) = try receive()
        let state = try #require(try JSONSerialization.jsonObject(with: Data(text)) as? [String: Any])
        return (state, SeccompAgent(descriptor: descriptor))
    }
}

/// Answers system calls of a container. See seccomp_unotify(2).
struct SeccompAgent {
    let descriptor: SharedFD

    // SECCOMP_IOCTL_NOTIF_RECV and _SEND of linux/seccomp.h.
    private static let receive: UInt = 0xC050_2100
    private static let send: UInt = 0xC018_2101

    /// Waits for a call, makes it fail with the error number, and returns the number of the call.
    func refuse(with error: Int32) throws -> Int32 {
        try #require(try Syscall.poll(descriptor.rawValue, for: .readable, milliseconds: 60_000).contains(.readable))
        // struct seccomp_notif: id (8 bytes), pid (4), flags (4), struct seccomp_data with the number at its head.
        var call = [UInt8](repeating: 0, count: 80)
        let got = Self.control(descriptor.rawValue, Self.receive, &call)
        try #require(got == 0)
        let number = (0..<4).reduce(Int32(0)) { $0 | Int32(call[16 + $1]) << Int32(8 * $1) }
        // struct seccomp_notif_resp: id (8 bytes), value (8), error (4), flags (4).
        let code = UInt32(bitPattern: -error)
        var answer = Array(call[0..<8]) + [UInt8](repeating: 0, count: 16)
        for index in 0..<4 { answer[16 + index] = UInt8(truncatingIfNeeded: code >> UInt32(8 * index)) }
        let sent = Self.control(descriptor.rawValue, Self.send, &answer)
        try #require(sent == 0)
        return number
    }

    private static func control(_ descriptor: Int32, _ request: UInt, _ bytes: inout [UInt8]) -> Int32 {
        bytes.withUnsafeMutableBytes { buffer in
            // An array with bytes in it has an address.
            guard let address = buffer.baseAddress else { return -1 }
            return ioctl(descriptor, request, address)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// What the runtime and the process that becomes the container say to each other, over an InitChannel.
//
//     runtime                                    init
//        |                                        |   (only when an intermediate process joins namespaces)
//        | <------------ spawned(pid) ----------- |
//        | -------------- proceed --------------> |   to the process that was spawned
//        | <------------- isolated -------------- |   it is in its namespaces, apart from the cgroup one
//        |   ID mappings, cgroup, oom_score_adj   |   init goes on with its mounts as far as it needs none of these
//        | -------------- proceed --------------> |
//        | <----------- rootfsIsReady ----------- |   with hooks only; all is mounted, the old root is still there
//        |   hooks prestart and createRuntime     |
//        | -------------- proceed --------------> |
//        | <--------- terminal(name)+fd --------- |   with process.terminal only
//        | <--------- listener(number) ---------- |   with a seccomp listener and without no_new_privs only
//        | -------------- proceed --------------> |   the runtime has taken a copy
//        | <------------ spawned(pid) ----------- |   into a PID namespace that others are in: see Successor
//        | <--------- listener(number) ---------- |   with a seccomp listener and with no_new_privs only
//        | -------------- proceed --------------> |
//        | <-------------- ready ---------------- |   nothing but the execution is left
//        | -------------- proceed --------------> |   run and exec: execute now; create: wait for exec.fifo
//        | <------- failed(...) or end ---------- |   the end of the stream means executed
//
// An exec'd process skips `rootfsIsReady`. At any point init may say `failed` and exit, and each side takes the end of
// the stream for the death of the other.
//
// Formats: one byte of type, then for `spawned` the pid and for `listener` the number of
// the descriptor (4 bytes, little endian), for `terminal` the name, for `failed`
// the error number (4 bytes, little endian, 0 for none), the length of the operation (4 bytes), operation, subject.

internal import Linux

/// From init to the runtime.
enum InitMessage: Hashable {
    /// The longest message in bytes: what a pipe takes and hands out as one.
    static let maximum = 4096

    case spawned(Int32)
    case isolated
    case rootfsIsReady
    case terminal(String)
    case ready
    case failed(InitFailure)
    case listener(Int32)

    var bytes: [UInt8] {
        switch self {
        case .spawned(let pid): [1] + pid.littleEndianBytes
        case .isolated: [2]
        case .rootfsIsReady: [3]
        case .terminal(let name): [4] + Array(name.utf8)
        case .ready: [5]
        case .failed(let failure): [6] + failure.bytes
        case .listener(let number): [7] + number.littleEndianBytes
        }
    }

    init?(_ bytes: [UInt8]) {
        let rest = bytes.dropFirst()
        switch (bytes.first, rest.count) {
        case (1, 4): self = .spawned(Int32(littleEndianBytes: rest))
        case (2, 0): self = .isolated
        case (3, 0): self = .rootfsIsReady
        case (4, _): self = .terminal(String(decoding: rest, as: UTF8.self))
        case (5, 0): self = .ready
        case (6, 8...):
            guard let failure = InitFailure(rest) else { return nil }
            self = .failed(failure)
        case (7, 4): self = .listener(Int32(littleEndianBytes: rest))
        default: return nil
        }
    }
}

/// What failed in init, on what, and why.
struct InitFailure: Error, Hashable, CustomStringConvertible {
    /// The whole message where there is no error number.
    var operation: String
    var subject: String
    var errno: Errno?

    /// Any error; one without a number travels as its text.
    init(_ error: any Error) {
        if let failure = error as? InitFailure {
            operation = failure.operation
            subject = failure.subject
            errno = failure.errno
        } else if let error = error as? SystemError {
            operation = error.operation
            subject = error.subject
            errno = error.errno
        } else {
            operation = "\(error)"
            subject = ""
            errno = nil
        }
    }

    var description: String {
        guard let errno else { return operation }
        return subject.isEmpty ? "\(operation): \(errno)" : "\(operation) \"\(subject)\": \(errno)"
    }

    fileprivate var bytes: [UInt8] {
        // Type, number and length take nine bytes.
        let operation = operation.utf8.prefix(InitMessage.maximum - 9)
        return (errno?.rawValue ?? 0).littleEndianBytes + Int32(operation.count).littleEndianBytes + Array(operation)
            + Array(subject.utf8.prefix(InitMessage.maximum - 9 - operation.count))
    }

    fileprivate init?(_ bytes: ArraySlice<UInt8>) {
        let number = Int32(littleEndianBytes: bytes.prefix(4))
        let length = Int(Int32(littleEndianBytes: bytes.dropFirst(4).prefix(4)))
        let texts = bytes.dropFirst(8)
        guard (0...texts.count).contains(length) else { return nil }
        operation = String(decoding: texts.prefix(length), as: UTF8.self)
        subject = String(decoding: texts.dropFirst(length), as: UTF8.self)
        errno = number == 0 ? nil : Errno(rawValue: number)
    }
}

extension Int32 {
    fileprivate var littleEndianBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) } }

    fileprivate init(littleEndianBytes bytes: ArraySlice<UInt8>) {
        self = bytes.reversed().reduce(0) { $0 << 8 | Int32($1) }
    }
}

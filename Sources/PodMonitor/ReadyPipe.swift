// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Where the one who started the monitor hears `ready`, or `error: ...`. As long as nobody has adopted the monitor, the
/// end of the reader is its end too.
final class ReadyPipe {
    private var descriptor: OwnedFD?
    /// -1 once it is closed.
    var rawValue: Int32 { descriptor?.rawValue ?? -1 }

    /// Takes over the number, out of the way of the standard ones, which are replaced later.
    init(taking number: Int32) throws(Errno) {
        let given = OwnedFD(adopting: number)
        descriptor = try given.duplicate()
        _ = given.release()
        if number > 2 { try OwnedFD(adopting: number).close() }
    }

    func tell(_ line: String) throws(Errno) { try Syscall.writeAll(rawValue, Array(line.utf8)) }

    func close() { descriptor = nil }
}

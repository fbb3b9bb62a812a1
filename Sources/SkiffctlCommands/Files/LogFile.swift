// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux

/// A log file that may be renamed and replaced, or emptied, while it is read.
struct LogFile {
    private static let block = 1 << 16

    let path: String
    private var file: SharedFD
    private var offset: UInt64 = 0
    /// The beginning of a line whose end is not written yet.
    private var pending: [UInt8] = []

    init(_ path: String) throws(SystemError) {
        self.path = path
        file = try Self.open(path)
    }

    /// The next complete lines, perhaps none; nil at the end of what there is now.
    mutating func lines() throws(SystemError) -> [ArraySlice<UInt8>]? {
        let bytes = try read()
        guard !bytes.isEmpty else { return nil }
        offset += UInt64(bytes.count)
        var lines: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(pending.isEmpty ? rest[..<end] : (pending + rest[..<end])[...])
            pending = []
            rest = rest[(end + 1)...]
        }
        pending += rest
        return lines
    }

    /// At the end of the file: turns to its beginning if it was emptied, or to the file that has taken its place.
    /// Returns whether there may be more to read.
    mutating func advance() throws(SystemError) -> Bool {
        let path = path
        // Looked up first: once another file is there, nobody writes to this one any more.
        // Between the rename and the new file there is none.
        let there = try? Syscall.status(path)
        let here = try SystemError.attempt("stat", path) { () throws(Errno) in try file.descriptor.status() }
        if here.size < offset {
            file = try Self.open("/proc/self/fd/\(file.rawValue)")
            (offset, pending) = (0, [])
            return true
        }
        guard let there, (there.device, there.inode) != (here.device, here.inode) else {
            return false
        }
        // What was written to the old file after its end was reached comes first.
        guard here.size == offset else { return true }
        file = try Self.open(path)
        (offset, pending) = (0, [])
        return true
    }

    private func read() throws(SystemError) -> [UInt8] {
        try SystemError.attempt("read", path) { () throws(Errno) in try file.descriptor.read(upTo: Self.block) }
    }

    private static func open(_ path: String) throws(SystemError) -> SharedFD {
        SharedFD(try SystemError.attempt("open", path) { () throws(Errno) in try Syscall.open(path, .readOnly) })
    }
}

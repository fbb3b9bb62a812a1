// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The socket over which a runtime hands over the master of a container's terminal; see `--console-socket` of runc(8).
final class ConsoleSocket {
    private let path: String
    private let listener: UnixSocket

    init(path: String) throws(SystemError) {
        self.path = path
        listener = try SystemError.attempt("listen on", path) { () throws(Errno) in
            try UnixSocket.removeStale(path)
            return try UnixSocket.listen(path)
        }
    }

    /// The master, nonblocking. To be called once the runtime has ended: whatever it sent is here by then.
    func receiveMaster() throws -> OwnedFD {
        try SystemError.attempt("receive terminal over", path) { () throws(Errno) in
            guard try Syscall.poll(listener.rawValue, for: .readable, milliseconds: 0).contains(.readable) else {
                throw .ENOTTY
            }
            let connection = try listener.accept(nonblocking: true)
            let message = try connection.receive(upTo: 4096, wait: false)
            guard let master = message.descriptors.first else { throw .ENOTTY }
            let owned = try master.descriptor.duplicate()
            try owned.setNonblocking(true)
            return owned
        }
    }

    deinit {
        // The runtime's client may have removed the whole folder.
        do throws(Errno) { try Syscall.removeFile(path) } catch {}
    }
}

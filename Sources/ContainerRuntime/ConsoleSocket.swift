// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The socket of `--console-socket`, through which the caller gets the master of the terminal: one message, the name of
/// the terminal as payload, the descriptor by SCM_RIGHTS.
struct ConsoleSocket: ~Copyable {
    private let socket: UnixSocket

    init(_ path: String) throws {
        socket = try SystemError.attempt("connect to console socket", path) { () throws(Errno) in
            try UnixSocket.connect(path)
        }
    }

    func send(_ name: String, _ master: Int32) throws {
        try SystemError.attempt("send terminal to", "console socket") { () throws(Errno) in
            _ = try socket.send(Array(name.utf8), descriptors: [master])
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Sockets from 3 up that a service manager has opened for the container. See sd_listen_fds(3).
struct ActivationSockets {
    /// How many there are.
    let count: Int32
    /// The variables that tell the program of them; it is the first process of its container.
    let environment: [String]

    /// Reads the runtime's environment. Sockets for another process are none of ours.
    init(_ environment: [String]) {
        func value(_ name: String) -> Substring? {
            environment.first { $0.hasPrefix("\(name)=") }?.dropFirst(name.utf8.count + 1)
        }
        let isForOther = value("LISTEN_PID").map { $0 != "\(Syscall.processID)" } ?? false
        guard !isForOther, let number = value("LISTEN_FDS").flatMap({ Int32($0) }), (1...1024).contains(number) else {
            count = 0
            self.environment = []
            return
        }
        count = number
        let names = value("LISTEN_FDNAMES").map { ["LISTEN_FDNAMES=\($0)"] } ?? []
        self.environment = ["LISTEN_FDS=\(number)", "LISTEN_PID=1"] + names
    }
}

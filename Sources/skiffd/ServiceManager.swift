// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import Logging

/// The manager that started the daemon as a service of type notify, as systemd(1) does: it is told what the daemon does,
/// and hears from it again and again if it asked for that. See sd_notify(3) and sd_watchdog_enabled(3).
struct ServiceManager: Sendable {
    private let address: String
    /// The longest silence; nil when the manager does not count.
    let patience: Duration?

    /// Nil when nobody wants to be told.
    init?(environment: [String: String], processID: Int32) {
        guard let address = environment["NOTIFY_SOCKET"], address.hasPrefix("/") || address.hasPrefix("@") else {
            return nil
        }
        self.address = address.hasPrefix("@") ? "\0" + address.dropFirst() : address
        // The variables may be meant for a process before this one.
        let watched = environment["WATCHDOG_PID"].map { Int32($0) } ?? processID
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        patience = watched == processID && microseconds > 0 ? .microseconds(microseconds) : nil
    }

    /// `READY=1` and its like.
    func tell(_ words: String) throws(SystemError) {
        try SystemError.attempt("tell service manager", words) { () throws(Errno) in
            let socket = try UnixSocket.connect(address, .datagrams)
            try socket.send(Array(words.utf8))
        }
    }

    /// Gives a sign of life twice as often as it must, as long as the check succeeds.
    func giveSigns(_ log: Logger, _ check: @Sendable () async throws -> Void) async throws {
        guard let patience else { return }
        while true {
            do {
                try await check()
                try tell("WATCHDOG=1")
            } catch let error as CancellationError {
                throw error
            } catch {
                log.error("no sign of life for the service manager: \(error)")
            }
            try await Task.sleep(for: patience / 2)
        }
    }
}

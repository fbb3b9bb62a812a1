// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime

/// The environment that the runtime was started with.
enum HostEnvironment {
    /// The socket on which a service manager waits for the readiness of what it has started. See sd_notify(3).
    static var notifySocket: String? {
        let value = current.first { $0.hasPrefix("NOTIFY_SOCKET=") }?.dropFirst(14)
        return value.flatMap { $0.isEmpty ? nil : String($0) }
    }

    /// Entries as they are, `NAME=value`.
    static let current = SelfProtection.environment()
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Linux
internal import MonitorProtocol

extension Container {
    /// Connects with the container's own streams, as far as it has them: standard input only when it was made with one,
    /// error output not with a terminal.
    func attach(stdin: Bool, stdout: Bool, stderr: Bool) async throws -> SharedFD {
        try checkAlive()
        let request = AttachRequest(
            container: id, stdin: stdin && config.stdin, stdout: stdout, stderr: stderr && !config.tty)
        return try await pod.monitorLink().attach(request)
    }

    /// Whether there is a process whose streams could be carried.
    func checkAlive() throws(ServiceError) {
        guard state.process != nil, !isKilled else {
            throw ServiceError(.state, "use container", id, "it is \(stateWord), not running")
        }
    }
}

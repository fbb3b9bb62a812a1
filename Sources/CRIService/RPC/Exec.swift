// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import Streaming
internal import SwiftProtobuf

extension RuntimeService {
    /// Prepares a command in a container whose streams a client will carry.
    package func exec(
        request: Runtime_V1_ExecRequest, context: ServerContext
    ) async throws -> Runtime_V1_ExecResponse {
        let streams = StandardStreams(
            stdin: request.stdin, stdout: request.stdout, stderr: request.stderr, terminal: request.tty)
        let url = try await engine.execURL(request.containerID, request.cmd, streams)
        return .with { $0.url = url }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import Streaming
internal import SwiftProtobuf

extension RuntimeService {
    /// Prepares to carry the streams of a container to a client.
    package func attach(
        request: Runtime_V1_AttachRequest, context: ServerContext
    ) async throws -> Runtime_V1_AttachResponse {
        let streams = StandardStreams(
            stdin: request.stdin, stdout: request.stdout, stderr: request.stderr, terminal: request.tty)
        let url = try await engine.attachURL(request.containerID, streams)
        return .with { $0.url = url }
    }
}

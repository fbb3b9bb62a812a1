// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore

extension RuntimeService {
    /// Stops a container; may be repeated.
    package func stopContainer(
        request: Runtime_V1_StopContainerRequest, context: ServerContext
    ) async throws -> Runtime_V1_StopContainerResponse {
        // A year is for ever, and safe to add to any clock.
        let timeout = Duration.seconds(min(max(0, request.timeout), 31_536_000))
        try await engine.stopContainer(request.containerID, timeout: timeout)
        return .init()
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore

extension RuntimeService {
    /// Writes the state of a running container to a file.
    package func checkpointContainer(
        request: Runtime_V1_CheckpointContainerRequest, context: ServerContext
    ) async throws -> Runtime_V1_CheckpointContainerResponse {
        try await engine.checkpointContainer(request.containerID, to: request.location, timeout: request.timeout)
        return Runtime_V1_CheckpointContainerResponse()
    }
}

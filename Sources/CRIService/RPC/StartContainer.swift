// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore

extension RuntimeService {
    /// Starts a created container.
    package func startContainer(
        request: Runtime_V1_StartContainerRequest, context: ServerContext
    ) async throws -> Runtime_V1_StartContainerResponse {
        try await engine.startContainer(request.containerID)
        return .init()
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore

extension RuntimeService {
    /// Removes a container, running or not; may be repeated.
    package func removeContainer(
        request: Runtime_V1_RemoveContainerRequest, context: ServerContext
    ) async throws -> Runtime_V1_RemoveContainerResponse {
        try await engine.removeContainer(request.containerID)
        return .init()
    }
}

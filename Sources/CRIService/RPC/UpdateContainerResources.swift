// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// Changes the limits of a container.
    package func updateContainerResources(
        request: Runtime_V1_UpdateContainerResourcesRequest, context: ServerContext
    ) async throws -> Runtime_V1_UpdateContainerResourcesResponse {
        guard request.hasLinux else {
            throw ServiceError(.invalid, "update container", request.containerID, "the request has no limits of Linux")
        }
        try await engine.updateContainer(request.containerID, request.linux)
        return .init()
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// Makes a container in a pod.
    package func createContainer(
        request: Runtime_V1_CreateContainerRequest, context: ServerContext
    ) async throws -> Runtime_V1_CreateContainerResponse {
        guard request.hasConfig else {
            throw ServiceError(.invalid, "create container", nil, "the request has no config")
        }
        let id = try await engine.createContainer(
            pod: request.podSandboxID, request.config, podConfig: request.sandboxConfig)
        return .with { $0.containerID = id }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension ImageEndpoint {
    /// Pulls an image.
    package func pullImage(
        request: Runtime_V1_PullImageRequest, context: ServerContext
    ) async throws -> Runtime_V1_PullImageResponse {
        let id = try await engine.pullImage(
            request.image.image, auth: request.hasAuth ? request.auth : nil,
            namespace: request.sandboxConfig.metadata.namespace)
        return .with { $0.imageRef = id }
    }
}

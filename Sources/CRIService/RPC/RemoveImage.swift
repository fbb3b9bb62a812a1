// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore

extension ImageEndpoint {
    /// Removes an image with all its names; may be repeated.
    package func removeImage(
        request: Runtime_V1_RemoveImageRequest, context: ServerContext
    ) async throws -> Runtime_V1_RemoveImageResponse {
        try await engine.images.remove(request.image.image)
        return .init()
    }
}

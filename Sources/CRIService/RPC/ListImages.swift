// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension ImageEndpoint {
    /// All images, or the one of the filter.
    package func listImages(
        request: Runtime_V1_ListImagesRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListImagesResponse {
        let images = try await engine.listImages(request.filter.image.image)
        return .with { $0.images = images }
    }
}

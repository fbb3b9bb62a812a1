// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension ImageEndpoint {
    /// Images that fit a filter, in parts.
    package func streamImages(
        request: Runtime_V1_StreamImagesRequest, response: RPCWriter<Runtime_V1_StreamImagesResponse>,
        context: ServerContext
    ) async throws {
        for chunk in Chunks(try await engine.listImages(request.filter.image.image)) {
            try await response.write(.with { $0.images = chunk })
        }
    }
}

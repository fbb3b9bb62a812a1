// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension ImageEndpoint {
    /// One image; an unknown one is no error.
    package func imageStatus(
        request: Runtime_V1_ImageStatusRequest, context: ServerContext
    ) async throws -> Runtime_V1_ImageStatusResponse {
        guard let found = try await engine.imageStatus(request.image.image, verbose: request.verbose) else {
            return .init()
        }
        return .with {
            $0.image = found.image
            $0.info = found.info
        }
    }
}

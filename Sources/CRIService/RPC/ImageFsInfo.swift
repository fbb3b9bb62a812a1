// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension ImageEndpoint {
    /// What the images take on disk.
    package func imageFsInfo(
        request: Runtime_V1_ImageFsInfoRequest, context: ServerContext
    ) async throws -> Runtime_V1_ImageFsInfoResponse {
        let usage = try await engine.imageUsage()
        return .with {
            $0.imageFilesystems = [usage]
            $0.containerFilesystems = [usage]
        }
    }
}

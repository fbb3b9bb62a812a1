// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension ImageEndpoint {
    /// What the images take on disk, and what is used where containers write.
    package func imageFsInfo(
        request: Runtime_V1_ImageFsInfoRequest, context: ServerContext
    ) async throws -> Runtime_V1_ImageFsInfoResponse {
        let images = try await engine.imageUsage()
        let containers = try await engine.containerUsage()
        return .with {
            $0.imageFilesystems = [images]
            // Without a disk of their own for images, kubelet wants to see the same twice.
            $0.containerFilesystems = [containers ?? images]
        }
    }
}

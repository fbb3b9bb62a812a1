// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// The state of one container.
    package func containerStatus(
        request: Runtime_V1_ContainerStatusRequest, context: ServerContext
    ) async throws -> Runtime_V1_ContainerStatusResponse {
        let (status, info) = try await engine.containerStatus(request.containerID, verbose: request.verbose)
        return .with {
            $0.status = status
            $0.info = info
        }
    }
}

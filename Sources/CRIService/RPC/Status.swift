// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// Whether the engine and the network are ready, and what the runtimes can do.
    package func status(
        request: Runtime_V1_StatusRequest, context: ServerContext
    ) async throws -> Runtime_V1_StatusResponse {
        let status = try await engine.status(verbose: request.verbose)
        return .with {
            $0.status.conditions = status.conditions
            $0.runtimeHandlers = status.handlers
            $0.features.supplementalGroupsPolicy = true
            $0.features.userNamespacesHostNetwork = true
            $0.info = status.info
        }
    }
}

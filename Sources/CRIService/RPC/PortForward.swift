// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// Prepares to carry connections to ports of a pod.
    package func portForward(
        request: Runtime_V1_PortForwardRequest, context: ServerContext
    ) async throws -> Runtime_V1_PortForwardResponse {
        let url = try await engine.portForwardURL(request.podSandboxID, ports: request.port)
        return .with { $0.url = url }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore

extension RuntimeService {
    /// Removes a pod with its containers; may be repeated.
    package func removePodSandbox(
        request: Runtime_V1_RemovePodSandboxRequest, context: ServerContext
    ) async throws -> Runtime_V1_RemovePodSandboxResponse {
        try await engine.removePod(request.podSandboxID)
        return .init()
    }
}

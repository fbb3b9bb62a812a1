// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore

extension RuntimeService {
    /// Stops a pod; may be repeated.
    package func stopPodSandbox(
        request: Runtime_V1_StopPodSandboxRequest, context: ServerContext
    ) async throws -> Runtime_V1_StopPodSandboxResponse {
        try await engine.stopPod(request.podSandboxID)
        return .init()
    }
}

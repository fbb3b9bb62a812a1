// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// Makes a pod.
    package func runPodSandbox(
        request: Runtime_V1_RunPodSandboxRequest, context: ServerContext
    ) async throws -> Runtime_V1_RunPodSandboxResponse {
        guard request.hasConfig else { throw ServiceError(.invalid, "run pod", nil, "the request has no config") }
        let id = try await engine.runPod(request.config, handler: request.runtimeHandler)
        return .with { $0.podSandboxID = id }
    }
}

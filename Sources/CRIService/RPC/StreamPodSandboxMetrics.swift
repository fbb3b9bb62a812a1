// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// Metrics of all pods and containers, in parts.
    package func streamPodSandboxMetrics(
        request: Runtime_V1_StreamPodSandboxMetricsRequest,
        response: RPCWriter<Runtime_V1_StreamPodSandboxMetricsResponse>,
        context: ServerContext
    ) async throws {
        for chunk in Chunks(await engine.listPodMetrics(), size: 100) {
            try await response.write(.with { $0.podSandboxMetrics = chunk })
        }
    }
}

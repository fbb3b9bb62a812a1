// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// What ready pods use that fit a filter, in parts.
    package func streamPodSandboxStats(
        request: Runtime_V1_StreamPodSandboxStatsRequest, response: RPCWriter<Runtime_V1_StreamPodSandboxStatsResponse>,
        context: ServerContext
    ) async throws {
        for chunk in Chunks(try await engine.listPodStats(request.filter)) {
            try await response.write(.with { $0.podSandboxStats = chunk })
        }
    }
}

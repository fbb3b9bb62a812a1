// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// Pods that fit a filter, in parts.
    package func streamPodSandboxes(
        request: Runtime_V1_StreamPodSandboxesRequest, response: RPCWriter<Runtime_V1_StreamPodSandboxesResponse>,
        context: ServerContext
    ) async throws {
        for chunk in Chunks(try await engine.listPods(request.filter)) {
            try await response.write(.with { $0.podSandboxes = chunk })
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// Pods that fit a filter.
    package func listPodSandbox(
        request: Runtime_V1_ListPodSandboxRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListPodSandboxResponse {
        let items = try await engine.listPods(request.filter)
        return .with { $0.items = items }
    }
}

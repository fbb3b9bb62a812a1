// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// What running containers use that fit a filter, in parts.
    package func streamContainerStats(
        request: Runtime_V1_StreamContainerStatsRequest, response: RPCWriter<Runtime_V1_StreamContainerStatsResponse>,
        context: ServerContext
    ) async throws {
        for chunk in Chunks(try await engine.listContainerStats(request.filter)) {
            try await response.write(.with { $0.containerStats = chunk })
        }
    }
}

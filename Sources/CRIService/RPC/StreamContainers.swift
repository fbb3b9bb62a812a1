// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// Containers that fit a filter, in parts.
    package func streamContainers(
        request: Runtime_V1_StreamContainersRequest, response: RPCWriter<Runtime_V1_StreamContainersResponse>,
        context: ServerContext
    ) async throws {
        for chunk in Chunks(try await engine.listContainers(request.filter)) {
            try await response.write(.with { $0.containers = chunk })
        }
    }
}

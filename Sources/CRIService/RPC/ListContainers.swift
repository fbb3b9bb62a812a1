// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// Containers that fit a filter.
    package func listContainers(
        request: Runtime_V1_ListContainersRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListContainersResponse {
        let containers = try await engine.listContainers(request.filter)
        return .with { $0.containers = containers }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore

extension RuntimeService {
    /// Goes over to a new log file, after the old one was renamed.
    package func reopenContainerLog(
        request: Runtime_V1_ReopenContainerLogRequest, context: ServerContext
    ) async throws -> Runtime_V1_ReopenContainerLogResponse {
        try await engine.reopenLog(request.containerID)
        return Runtime_V1_ReopenContainerLogResponse()
    }
}

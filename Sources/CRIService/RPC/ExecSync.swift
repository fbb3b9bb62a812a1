// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import FoundationEssentials
internal import SwiftProtobuf

extension RuntimeService {
    /// Runs a command in a container to its end.
    package func execSync(
        request: Runtime_V1_ExecSyncRequest, context: ServerContext
    ) async throws -> Runtime_V1_ExecSyncResponse {
        let outcome = try await engine.execSync(request.containerID, request.cmd, timeout: request.timeout)
        return .with {
            $0.stdout = Data(outcome.stdout)
            $0.stderr = Data(outcome.stderr)
            $0.exitCode = outcome.exitCode
        }
    }
}

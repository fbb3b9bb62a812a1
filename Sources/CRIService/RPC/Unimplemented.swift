// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore

/// What is not built answers so, and says so.
private func unimplemented(_ method: String) -> RPCError {
    RPCError(code: .unimplemented, message: "\(method) is not supported by skiff \(Engine.version)")
}

extension RuntimeService {
    package func checkpointPod(
        request: Runtime_V1_CheckpointPodRequest, context: ServerContext
    ) async throws -> Runtime_V1_CheckpointPodResponse { throw unimplemented("CheckpointPod") }

    package func restorePod(
        request: Runtime_V1_RestorePodRequest, context: ServerContext
    ) async throws -> Runtime_V1_RestorePodResponse { throw unimplemented("RestorePod") }
}

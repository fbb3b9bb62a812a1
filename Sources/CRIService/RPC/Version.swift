// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// Name and version of the engine.
    package func version(
        request: Runtime_V1_VersionRequest, context: ServerContext
    ) async throws -> Runtime_V1_VersionResponse {
        .with {
            $0.version = "0.1.0"
            $0.runtimeName = "skiff"
            $0.runtimeVersion = Engine.version
            $0.runtimeApiVersion = "v1"
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore
internal import SwiftProtobuf

extension RuntimeService {
    /// What kubelet adapts to.
    package func runtimeConfig(
        request: Runtime_V1_RuntimeConfigRequest, context: ServerContext
    ) async throws -> Runtime_V1_RuntimeConfigResponse {
        .with { $0.linux.cgroupDriver = engine.cgroupNaming.driver == .systemd ? .systemd : .cgroupfs }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CNI
internal import CRIAPI
internal import EngineConfiguration
internal import Linux
internal import SwiftProtobuf

/// What Status tells.
struct EngineStatus: Sendable {
    var conditions: [Runtime_V1_RuntimeCondition]
    var handlers: [Runtime_V1_RuntimeHandler]
    var info: [String: String]
}

extension Engine {
    /// The version of this build.
    package static let version = EngineVersion.number

    func status(verbose: Bool) async throws -> EngineStatus {
        let problem = await networks.problem()
        let runtime = Runtime_V1_RuntimeCondition.with {
            $0.type = "RuntimeReady"
            $0.status = true
        }
        let network = Runtime_V1_RuntimeCondition.with {
            $0.type = "NetworkReady"
            $0.status = problem == nil
            $0.reason = problem == nil ? "" : "NetworkPluginNotReady"
            $0.message = problem.map { "\($0)" } ?? ""
        }
        return EngineStatus(
            conditions: [runtime, network], handlers: try await handlerFeatures(),
            info: verbose ? ["config": try JSON.text(ConfigInfo(config, cgroupNaming))] : [:])
    }
    /// What kubelet checks before it sends pods that need more than every runtime can do.
    private func handlerFeatures() async throws -> [Runtime_V1_RuntimeHandler] {
        // The default handler also goes by the empty name.
        let named = [("", try handler(""))] + handlers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        let (features, host) = (features, host)
        return await BlockingPool.run {
            named.map { name, handler in
                let features = features.features(of: handler)
                return .with {
                    $0.name = name
                    $0.features.recursiveReadOnlyMounts = features?.hasRecursiveReadOnly ?? false
                    $0.features.userNamespaces = host.hasUserNamespaces && features?.hasIDMappedMounts == true
                }
            }
        }
    }
}

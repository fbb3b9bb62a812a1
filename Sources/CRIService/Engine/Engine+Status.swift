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
    package static let version = "0.1.0"

    func status(verbose: Bool) async throws -> EngineStatus {
        let networks = networks
        let problem: CNIError? = await BlockingPool.run {
            do throws(CNIError) {
                _ = try networks.current()
                return nil
            } catch {
                return error
            }
        }
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
        let names = handlers.keys.sorted()
        // The default handler also goes by the empty name.
        let handlers = ([""] + names).map { name in
            Runtime_V1_RuntimeHandler.with {
                $0.name = name
                $0.features.recursiveReadOnlyMounts = true
            }
        }
        return EngineStatus(
            conditions: [runtime, network], handlers: handlers,
            info: verbose ? ["config": try JSON.text(ConfigInfo(config))] : [:])
    }
}

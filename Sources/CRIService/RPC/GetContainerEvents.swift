// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore

extension RuntimeService {
    /// What happens to pods and containers from now on, until the client goes away.
    package func getContainerEvents(
        request: Runtime_V1_GetEventsRequest, response: RPCWriter<Runtime_V1_ContainerEventResponse>,
        context: ServerContext
    ) async throws {
        let events = engine.events.listen()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for try await event in events { try await response.write(event) } }
            // Without an event nothing else would tell that nobody listens any more.
            group.addTask { try await context.cancellation.cancelled }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

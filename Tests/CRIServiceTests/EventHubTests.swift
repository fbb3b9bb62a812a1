// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import GRPCCore
import SwiftProtobuf
import Testing

@testable import CRIService

struct EventHubTests {
    private func event(_ number: Int) -> Runtime_V1_ContainerEventResponse { .with { $0.createdAt = Int64(number) } }

    @Test func keepsTheOrderForEveryListener() async throws {
        let hub = EventHub()
        let listeners = [hub.listen(), hub.listen()]
        for number in 0..<200 {
            let event = event(number)
            hub.post {
                // Those that take longer are not overtaken.
                if number % 10 == 0 { await Task.yield() }
                return event
            }
        }
        for listener in listeners {
            var heard: [Int64] = []
            for try await event in listener {
                heard.append(event.createdAt)
                if heard.count == 200 { break }
            }
            #expect(heard == (0..<200).map(Int64.init))
        }
    }

    @Test func tellsAListenerThatItMissedSome() async throws {
        let hub = EventHub(room: 3)
        let (slow, quick) = (hub.listen(), hub.listen())
        var reader = quick.makeAsyncIterator()
        for number in 0..<5 {
            let event = event(number)
            hub.post { event }
            // The other is not held up by it, and loses nothing.
            #expect(try await reader.next()?.createdAt == Int64(number))
        }
        var heard: [Int64] = []
        let error = await #expect(throws: ServiceError.self) {
            for try await event in slow { heard.append(event.createdAt) }
        }
        #expect(heard == [0, 1, 2])
        #expect(error?.rpcErrorCode == .resourceExhausted)
        #expect(error?.cause.contains("listen anew") == true)
    }

    @Test func asksNobodyWhenNobodyListens() async throws {
        let hub = EventHub()
        hub.post {
            Issue.record("nobody wants to know")
            return .init()
        }
        let listener = hub.listen()
        let event = event(1)
        hub.post { event }
        var reader = listener.makeAsyncIterator()
        #expect(try await reader.next()?.createdAt == 1)
    }
}

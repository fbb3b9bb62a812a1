// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import TraceExport
@testable import Traces

/// Spans on their way: what is below what, and what has no room.
struct SpanQueueTests {
    private struct Trouble: Error, CustomStringConvertible { var description: String { "trouble" } }

    @Test func whatHasNoRoomIsDroppedAndCounted() {
        let queue = SpanQueue(limit: 3)
        let tracer = Tracer(TraceSampler(perMillion: 1_000_000), spans: queue)
        for number in 1...5 { tracer.begin("\(number)", .server)?.end() }
        #expect(queue.counts == .init(sent: 0, dropped: 2))
        #expect(queue.take(upTo: 2).map(\.name) == ["1", "2"])
        #expect(queue.take(upTo: 2).map(\.name) == ["3"])
        #expect(queue.take(upTo: 2).isEmpty)
        tracer.begin("6", .server)?.end()
        #expect(queue.take(upTo: 2).map(\.name) == ["6"])
    }

    @Test func stepsAreBelowTheRequestOfTheirTask() async throws {
        let tracer = Tracer(TraceSampler(perMillion: 1_000_000))
        let request = try #require(tracer.begin("request", .server))
        await OpenSpan.$current.withValue(request) {
            let value = await traced("works", [.init("a", 1)]) { 7 }
            #expect(value == 7)
            await #expect(throws: Trouble.self) {
                try await traced("fails") { () throws(Trouble) in throw Trouble() }
            }
        }
        request.end()
        let spans = tracer.spans.take(upTo: 10)
        #expect(spans.map(\.name) == ["works", "fails", "request"])
        #expect(spans.map(\.parent) == [request.context.span, request.context.span, nil])
        #expect(spans.map(\.failure) == [nil, "trouble", nil])
        #expect(spans[0].attributes == [.init("a", 1)])
        #expect(Set(spans.map(\.context.trace)).count == 1)
        #expect(Set(spans.map(\.context.span)).count == 3)
        #expect(spans.allSatisfy { $0.end >= $0.start })
    }

    @Test func withoutARequestNothingIsTraced() async {
        #expect(await traced("works") { OpenSpan.current == nil })
    }

    @Test(arguments: [
        ("127.0.0.1:4317", CollectorAddress.host("127.0.0.1", port: 4317)),
        ("[::1]:4317", .host("::1", port: 4317)), ("collector:1", .host("collector", port: 1)),
        ("/run/collector.sock", .socket("/run/collector.sock")), ("collector", nil), (":4317", nil),
        ("collector:0", nil), ("collector:x", nil),
    ])
    func collectors(_ text: String, _ address: CollectorAddress?) {
        #expect(CollectorAddress(text) == address)
    }
}

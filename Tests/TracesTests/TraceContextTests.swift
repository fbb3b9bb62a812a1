// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import Traces

/// The header `traceparent` by the rules of W3C Trace Context, and who is sampled.
struct TraceContextTests {
    private static let example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func aHeaderIsReadAndWritten() throws {
        let context = try #require(TraceContext(traceparent: Self.example, tracestate: "a=b"))
        #expect(context.trace == .init(high: 0x0af7_6519_16cd_43dd, low: 0x8448_eb21_1c80_319c))
        #expect(context.span == 0xb7ad_6b71_6920_3331)
        #expect(context.isSampled)
        #expect(context.state == "a=b")
        #expect(context.traceparent == Self.example)
    }

    @Test func numbersKeepTheirZeros() {
        let context = TraceContext(trace: .init(high: 0, low: 10), span: 1, isSampled: false)
        #expect(context.traceparent == "00-0000000000000000000000000000000a-0000000000000001-00")
    }

    @Test(arguments: [
        // A later version may say more behind; of the flags only the last bit is known.
        ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more", true),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe", false),
    ])
    func laterVersions(_ text: String, _ isSampled: Bool) throws {
        #expect(try #require(TraceContext(traceparent: text)).isSampled == isSampled)
    }

    @Test(arguments: [
        "", "00", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-011",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
    ])
    func otherFormsCountAsNone(_ text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }

    @Test func aStateThatIsTooLongIsLeftOut() {
        let long = String(repeating: "a", count: 513)
        #expect(TraceContext(traceparent: Self.example, tracestate: long)?.state == "")
    }

    @Test(arguments: [(0, 0), (-5, 0), (250_000, 2500), (1_000_000, 10_000), (2_000_000, 10_000)])
    func aShareOfTracesIsTaken(_ perMillion: Int, _ expected: Int) {
        let sampler = TraceSampler(perMillion: perMillion)
        // Spread evenly over all numbers.
        let step = UInt64.max / 10_000
        let taken = (0..<10_000).filter { sampler.takes(.init(high: 1, low: step * UInt64($0)), parent: nil) }
        #expect(abs(taken.count - expected) <= 1)
    }

    @Test(arguments: [0, 1_000_000]) func aParentDecides(_ perMillion: Int) throws {
        let tracer = Tracer(TraceSampler(perMillion: perMillion))
        var parent = try #require(TraceContext(traceparent: Self.example))
        let span = try #require(tracer.begin("x", .server, parent: parent))
        #expect(span.context.trace == parent.trace)
        #expect(span.context.span != parent.span)
        parent.isSampled = false
        #expect(tracer.begin("x", .server, parent: parent) == nil)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import GRPCCore
import Testing

@testable import CRIService

struct RequestDeadlineTests {
    @Test(
        arguments: [
            ("2S", 2_000_000_000), ("250m", 250_000_000), ("99999999u", 99_999_999_000), ("90000000n", 90_000_000),
            ("1M", 60_000_000_000), ("1H", 3_600_000_000_000),
        ] as [(String, Int64)])
    func isOverWhenTheTimeHasPassed(text: String, span: Int64) throws {
        let deadline = try #require(RequestDeadline(text, now: 5))
        #expect(deadline.isOver(at: span + 5))
        #expect(!deadline.isOver(at: span - 50_000_000))
    }

    /// A little earlier than the client gives up.
    @Test func boundsWork() throws {
        let deadline = try #require(RequestDeadline("2S", now: 1000))
        #expect(deadline.end(within: 5_000_000_000, from: 1000) == 1_990_001_000)
        #expect(deadline.end(within: 5_000_000_000, from: 3_000_000_000) == 1_990_001_000)
        #expect(deadline.end(within: 1_000_000_000, from: 1000) == 1_000_001_000)
    }

    @Test(arguments: ["", "S", "5", "-1S", "1.5S", "123456789S", "1s", "١S"])
    func whatNobodyUnderstandsIsNone(text: String) {
        #expect(RequestDeadline(text, now: 0) == nil)
    }

    @Test func aVeryLongTimeNeverPasses() throws {
        #expect(try !#require(RequestDeadline("99999999H", now: 5)).isOver(at: .max - 20_000_000))
    }

    @Test func standsInTheMetadata() {
        var metadata: Metadata = ["grpc-timeout": "10m", "skiff-timeout": "1n", "other": "one"]
        #expect(RequestDeadline.take(from: &metadata) == 10_000_000)
        #expect(RequestDeadline(metadata, now: 0) == RequestDeadline("10m", now: 0))
        // Nothing is left that somebody else would wait for.
        #expect(metadata[stringValues: "grpc-timeout"].allSatisfy { _ in false })
        #expect(Array(metadata[stringValues: "other"]) == ["one"])
    }

    @Test(arguments: [nil, "never", "99999999H"]) func withoutAnEnd(text: String?) {
        var metadata: Metadata = ["skiff-timeout": "1n"]
        if let text { metadata.addString(text, forKey: "grpc-timeout") }
        #expect(RequestDeadline.take(from: &metadata) == nil)
        #expect(metadata.isEmpty)
        #expect(RequestDeadline(metadata, now: 0) == nil)
    }
}

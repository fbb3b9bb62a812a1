// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import GRPCCore

/// The moment at which a client gives a request up, from its `grpc-timeout`: at most eight digits and a unit, `250m` for
/// 250 milliseconds. See the section "Requests" of gRPC over HTTP2.
package struct RequestDeadline: Hashable, Sendable {
    /// That of the request whose handler this is; nil when its client waits for ever.
    @TaskLocal static var current: RequestDeadline?

    /// On the monotonic clock, in nanoseconds.
    private let end: Int64

    /// The server's own watch begins before the request reaches its handler, and may end so much earlier.
    private static let tolerance: Int64 = 10_000_000

    private static let clients = "grpc-timeout"
    private static let ours = "skiff-timeout"

    /// Takes the time out of the metadata of a request, so that gRPC leaves it alone, for a later `init`; nanoseconds. nil when
    /// the client waits for ever, for a year at least, or says what nobody understands.
    package static func take(from metadata: inout Metadata) -> Int64? {
        let text = metadata[stringValues: clients].first { _ in true }
        metadata.removeAllValues(forKey: ours)
        guard let text else { return nil }
        metadata.removeAllValues(forKey: clients)
        guard let span = span(text), span < 365 * 86400 * 1_000_000_000 else { return nil }
        metadata.addString(text, forKey: ours)
        return span
    }

    /// nil when the client waits for ever.
    init?(_ metadata: Metadata, now: Int64) {
        guard let text = metadata[stringValues: Self.ours].first(where: { _ in true }) else { return nil }
        self.init(text, now: now)
    }

    init?(_ text: String, now: Int64) {
        guard let span = Self.span(text) else { return nil }
        end = now.addingReportingOverflow(span).overflow ? .max : now + span
    }

    private static func span(_ text: String) -> Int64? {
        let units: [Character: Int64] = [
            "H": 3_600_000_000_000, "M": 60_000_000_000, "S": 1_000_000_000, "m": 1_000_000, "u": 1000, "n": 1,
        ]
        guard (2...9).contains(text.utf8.count), text.dropLast().allSatisfy({ $0.isASCII && $0.isNumber }),
            let unit = text.last.flatMap({ units[$0] }), let amount = Int64(text.dropLast())
        else { return nil }
        let (span, isTooLong) = amount.multipliedReportingOverflow(by: unit)
        return isTooLong ? .max : span
    }

    /// Whether the client has given up by now.
    func isOver(at now: Int64) -> Bool { now >= latest }

    /// The moment for work to be given up at: when the client does, unless that is more than `limit` nanoseconds away.
    func end(within limit: Int64, from now: Int64) -> Int64 { min(latest, now + limit) }

    private var latest: Int64 { end - Self.tolerance }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension DaemonConfig {
    /// Section `[tracing]`.
    package struct Tracing: Sendable, Equatable {
        /// `address:port` or a socket's path of the collector; "" when nothing is traced.
        package var endpoint = ""
        /// Of a million requests that come without a trace, so many are traced.
        package var samplesPerMillion = 0
    }

    static let tracingSection = Section(
        name: "tracing", meaning: "What requests spend their time on, as spans for OpenTelemetry.",
        settings: [
            Setting(
                "endpoint", \.tracing.endpoint,
                "Collector that gets them by OTLP over gRPC: 127.0.0.1:4317, or a unix socket's path. Default: none.",
                check: Check.optional(Check.endpoint)),
            Setting(
                "sampling_rate_per_million", \.tracing.samplesPerMillion,
                "Of a million requests without a trace of their client's, so many begin one; those of a client are followed.",
                check: Check.share),
        ])
}

extension Check {
    /// A part of a million.
    static func share(_ number: Int) throws(Complaint) -> Int {
        guard (0...1_000_000).contains(number) else { throw Complaint("\(number) is not 0 to 1000000") }
        return number
    }
}

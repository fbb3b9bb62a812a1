// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Begins spans, and collects those that have ended.
package struct Tracer: Sendable {
    private let sampler: TraceSampler
    /// The spans that have ended.
    package let spans: SpanQueue

    package init(_ sampler: TraceSampler, spans: SpanQueue = SpanQueue()) {
        self.sampler = sampler
        self.spans = spans
    }

    /// Begins a span for a request, below its client's, or as the first of a trace; nil when the trace is not taken.
    package func begin(
        _ name: String, _ kind: TraceSpan.Kind, parent: TraceContext? = nil, _ attributes: [TraceSpan.Attribute] = []
    ) -> OpenSpan? {
        let trace = parent?.trace ?? TraceContext.TraceID(high: Self.random(), low: Self.random())
        guard sampler.takes(trace, parent: parent) else { return nil }
        let context = TraceContext(trace: trace, span: Self.random(), isSampled: true, state: parent?.state ?? "")
        var open = OpenSpan(context, name, kind, to: spans)
        open.span.parent = parent?.span
        open.span.hasRemoteParent = parent != nil
        open.span.attributes = attributes
        return open
    }

    /// Not 0, which stands for none.
    static func random() -> UInt64 { UInt64.random(in: 1...(.max)) }
}

/// A span that has not ended.
package struct OpenSpan: Sendable {
    /// That of the request for which this task works.
    @TaskLocal package static var current: OpenSpan?

    fileprivate(set) var span: TraceSpan
    private let began: Int64
    private let spans: SpanQueue

    /// What others are told, so that their spans are below this one.
    package var context: TraceContext { span.context }

    init(_ context: TraceContext, _ name: String, _ kind: TraceSpan.Kind, to spans: SpanQueue) {
        let now = KernelClock.realtime
        span = TraceSpan(context: context, parent: nil, name: name, kind: kind, start: now, end: now)
        began = KernelClock.monotonic
        self.spans = spans
    }

    /// A span below this one.
    package func child(
        _ name: String, _ kind: TraceSpan.Kind = .inner, _ attributes: [TraceSpan.Attribute] = []
    ) -> OpenSpan {
        var context = context
        context.span = Tracer.random()
        var open = OpenSpan(context, name, kind, to: spans)
        open.span.parent = span.context.span
        open.span.attributes = attributes
        return open
    }

    /// Ends it, once.
    package func end(failure: String? = nil, _ attributes: [TraceSpan.Attribute] = []) {
        var ended = span
        // The clock may have been set meanwhile.
        ended.end = ended.start + (KernelClock.monotonic - began)
        ended.failure = failure
        ended.attributes += attributes
        spans.add(ended)
    }
}

/// Runs a step as a span below that of the request for which this task works, if that one is traced.
package func traced<Value, Failure: Error>(
    _ name: String, _ attributes: @autoclosure () -> [TraceSpan.Attribute] = [],
    _ body: () async throws(Failure) -> Value
) async throws(Failure) -> Value {
    guard let span = OpenSpan.current?.child(name, .inner, attributes()) else { return try await body() }
    do throws(Failure) {
        let value = try await body()
        span.end()
        return value
    } catch {
        span.end(failure: "\(error)")
        throw error
    }
}

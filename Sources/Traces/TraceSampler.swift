// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Which requests are traced: those of a trace that somebody before decided upon follow it; of others so many of a million.
/// The number of the trace decides, so that all programs with the same share choose the same traces.
package struct TraceSampler: Hashable, Sendable {
    /// Traces whose lower half, without its lowest bit, is below this.
    private let bound: UInt64

    package init(perMillion: Int) {
        let share = UInt64(max(0, min(perMillion, 1_000_000)))
        bound = share == 1_000_000 ? 1 << 63 : (1 << 63) / 1_000_000 * share
    }

    package func takes(_ trace: TraceContext.TraceID, parent: TraceContext?) -> Bool {
        parent?.isSampled ?? (trace.low >> 1 < bound)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A place in a trace, as one program tells it another: W3C Trace Context.
///
///     traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
///                  |  trace, 16 bytes                 span, 8 bytes    flags; 01: it is sampled
///                  version
///
/// `tracestate` is for those who know it, and is handed on as it is.
package struct TraceContext: Hashable, Sendable {
    /// The trace's number, in two halves.
    package struct TraceID: Hashable, Sendable {
        package var high: UInt64
        package var low: UInt64

        package init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }
    }

    package var trace: TraceID
    package var span: UInt64
    /// Whether somebody before decided that the trace is collected.
    package var isSampled: Bool
    package var state: String

    /// Every vendor has to hand on as much.
    private static let longestState = 512

    package init(trace: TraceID, span: UInt64, isSampled: Bool, state: String = "") {
        self.trace = trace
        self.span = span
        self.isSampled = isSampled
        self.state = state
    }

    /// nil for what does not follow the form, which then counts as if it was not there. A later version has the fields of
    /// this one first.
    package init?(traceparent text: String, tracestate state: String = "") {
        let bytes = Array(text.utf8)
        guard bytes.count >= 55, bytes[2] == Self.dash, bytes[35] == Self.dash, bytes[52] == Self.dash,
            let version = Self.number(bytes[0..<2]), version != 0xff,
            bytes.count == 55 || version > 0 && bytes[55] == Self.dash,
            let high = Self.number(bytes[3..<19]), let low = Self.number(bytes[19..<35]), high | low != 0,
            let span = Self.number(bytes[36..<52]), span != 0, let flags = Self.number(bytes[53..<55])
        else { return nil }
        self.init(
            trace: TraceID(high: high, low: low), span: span, isSampled: flags & 1 == 1,
            state: state.utf8.count <= Self.longestState ? state : "")
    }

    /// The header.
    package var traceparent: String {
        "00-\(Self.hex(trace.high))\(Self.hex(trace.low))-\(Self.hex(span))-\(isSampled ? "01" : "00")"
    }

    private static let dash = UInt8(ascii: "-")

    /// Only lower case is allowed.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return number
    }

    private static func hex(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import OTLPAPI
internal import SwiftProtobuf
internal import Traces

extension TraceSpan {
    /// As OTLP has it.
    var message: OTLPSpan {
        .with {
            $0.traceID = Self.bytes(context.trace.high) + Self.bytes(context.trace.low)
            $0.spanID = Self.bytes(context.span)
            $0.traceState = context.state
            $0.parentSpanID = parent.map(Self.bytes) ?? Data()
            $0.name = name
            $0.kind = kind.message
            $0.startTimeUnixNano = UInt64(max(0, start))
            $0.endTimeUnixNano = UInt64(max(0, end))
            $0.attributes = attributes.map(\.message)
            // The flags of W3C, and that it is known whether the parent is of another process.
            $0.flags = (context.isSampled ? 1 : 0) | 0x100 | (hasRemoteParent ? 0x200 : 0)
            guard let failure else { return }
            $0.status.code = .error
            $0.status.message = failure
        }
    }

    private static func bytes(_ number: UInt64) -> Data {
        Data((0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) })
    }
}

extension TraceSpan.Kind {
    fileprivate var message: OTLPSpan.SpanKind {
        switch self {
        case .inner: .internal
        case .server: .server
        case .client: .client
        }
    }
}

extension TraceSpan.Attribute {
    var message: OTLPKeyValue {
        .with {
            $0.key = name
            switch value {
            case .text(let text): $0.value.stringValue = text
            case .number(let number): $0.value.intValue = number
            }
        }
    }
}

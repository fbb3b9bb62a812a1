// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Turns frames into bytes. Holds the state of the compression: frames go out in the order of the calls.
package struct SPDYEncoder: ~Copyable {
    private var compressor = HeaderCompressor()

    package init() {}

    package mutating func encode(_ frame: SPDYFrame) -> [UInt8] {
        switch frame {
        case .synStream(let stream, let headers, let fin):
            // No associated stream, the priority 0, no slot.
            return Self.control(1, fin, stream, [0, 0, 0, 0, 0, 0] + compress(headers))
        case .synReply(let stream, let headers, let fin): return Self.control(2, fin, stream, compress(headers))
        case .reset(let stream, let status): return Self.control(3, false, stream, Self.number(Int(status.rawValue)))
        case .settings(let settings):
            var body: [UInt8] = []
            for setting in settings {
                body.append(setting.flags)
                body.append(setting.id, width: 3)
                body.append(setting.value, width: 4)
            }
            return Self.control(4, false, UInt32(settings.count), body)
        case .ping(let id): return Self.control(6, false, id, [])
        case .goAway(let last, let status): return Self.control(7, false, last, Self.number(Int(status)))
        case .headers(let stream, let headers, let fin): return Self.control(8, fin, stream, compress(headers))
        case .windowUpdate(let stream, let delta): return Self.control(9, false, stream, Self.number(delta))
        case .data(let stream, let bytes, let fin):
            var frame: [UInt8] = []
            frame.reserveCapacity(8 + bytes.count)
            frame.append(Int(stream), width: 4)
            frame.append(fin ? 1 : 0)
            frame.append(bytes.count, width: 3)
            return frame + bytes
        }
    }

    private static func number(_ value: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(value, width: 4)
        return bytes
    }

    private static func control(_ type: UInt8, _ fin: Bool, _ first: UInt32, _ body: [UInt8]) -> [UInt8] {
        var frame: [UInt8] = [0x80, 3, 0, type, fin ? 1 : 0]
        frame.append(4 + body.count, width: 3)
        frame.append(Int(first), width: 4)
        return frame + body
    }

    private mutating func compress(_ headers: [HTTPHead.Field]) -> [UInt8] {
        var block = Self.number(headers.count)
        for header in headers {
            for text in [header.name, header.value] {
                block.append(text.utf8.count, width: 4)
                block += Array(text.utf8)
            }
        }
        return compressor.compress(block)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import Linux

/// The sizes of a terminal, as they come over a resize stream: `{"Width":80,"Height":24}`, one after another.
final class ResizeReader: StreamConsumer {
    private struct Size: Codable {
        var Width: UInt16
        var Height: UInt16
    }

    private static let limit = 1024

    private weak var stream: ByteStream?
    private let resize: (WindowSize) -> Void
    private var bytes: [UInt8] = []

    init(_ stream: ByteStream, _ resize: @escaping (WindowSize) -> Void) {
        self.stream = stream
        self.resize = resize
    }

    func receive(_ more: ArraySlice<UInt8>) {
        stream?.consumed(more.count)
        // Only the last size counts, and it is short: the rest of a flood is not worth a look.
        bytes = Array((bytes + more.suffix(Self.limit)).suffix(Self.limit))
        guard let end = bytes.lastIndex(of: UInt8(ascii: "}")) else { return }
        let object = bytes[(bytes[..<end].lastIndex(of: UInt8(ascii: "{")) ?? 0)...end]
        bytes = Array(bytes[(end + 1)...])
        // What is no size does not change it.
        guard let size = try? JSONDecoder().decode(Size.self, from: Data(object)) else { return }
        resize(WindowSize(rows: size.Height, columns: size.Width))
    }

    func receiveEnd() {}

    /// The bytes of a size.
    static func bytes(_ size: WindowSize) -> [UInt8] {
        Array("{\"Width\":\(size.columns),\"Height\":\(size.rows)}\n".utf8)
    }
}

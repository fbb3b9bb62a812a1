// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import StreamFraming

@Suite struct SPDYTests {
    /// Frames in the order in which they are written: the compression goes on from one to the next.
    static let frames: [(SPDYFrame, String)] = [
        (
            .synStream(1, headers: [.init("streamtype", "error")], fin: false),
            // control, version 3, type 1; no flags, 40 bytes; stream 1, associated 0, priority and slot 0
            "8003 0001 00 000028 00000001 00000000 0000"
                // zlib with a dictionary of the sum e3c6a7c2, a block, flushed
                + "38ea e3c6a7c2 02a62346703a2b294a4dcc851625aca9a08006 000000ffff"
        ),
        (
            .synStream(3, headers: [.init("streamtype", "stdout")], fin: true),
            "8003 0001 01 000019 00000003 00000000 0000 c22a054ccc29f9a52500 000000ffff"
        ),
        (.synReply(1, headers: [], fin: false), "8003 0002 00 00000d 00000001 02b21800 000000ffff"),
        (.reset(3, .cancel), "8003 0003 00 000008 00000003 00000005"),
        (
            .settings([.init(id: SPDYFrame.Setting.initialWindowSize, value: 262_144)]),
            "8003 0004 00 00000c 00000001 00 000007 00040000"
        ),
        (.ping(7), "8003 0006 00 000004 00000007"),
        (.goAway(last: 9, status: 1), "8003 0007 00 000008 00000009 00000001"),
        (.windowUpdate(5, 32_768), "8003 0009 00 000008 00000005 00008000"),
        (.data(5, [104, 105], fin: false), "00000005 00 000002 6869"),
        (.data(5, [], fin: true), "00000005 01 000000"),
    ]

    private static let all = frames.flatMap { hex($0.1) }

    private static func decode(_ pieces: [[UInt8]]) throws -> [SPDYFrame] {
        var decoder = SPDYDecoder()
        var result: [SPDYFrame] = []
        for piece in pieces {
            decoder.feed(piece)
            while let frame = try decoder.next() { result.append(frame) }
        }
        return result
    }

    @Test func framesAreWrittenByteByByte() {
        var encoder = SPDYEncoder()
        for (frame, bytes) in Self.frames { #expect(encoder.encode(frame) == hex(bytes), "\(frame)") }
    }

    @Test func framesAreReadWhateverTheyAreCutInto() throws {
        let expected = Self.frames.map(\.0)
        #expect(try Self.decode([Self.all]) == expected)
        for size in [1, 3, 7, 8, 9, 40] {
            let pieces = stride(from: 0, to: Self.all.count, by: size).map {
                Array(Self.all[$0..<min($0 + size, Self.all.count)])
            }
            // A data frame comes in as many pieces as there were.
            let whole = try Self.decode(pieces).reduce(into: [SPDYFrame]()) { all, frame in
                if case .data(5, let bytes, let fin) = frame, case .data(5, let before, false)? = all.last,
                    before.count < 2, !fin
                {
                    all[all.count - 1] = .data(5, before + bytes, fin: fin)
                } else {
                    all.append(frame)
                }
            }
            #expect(whole == expected, "\(size)")
        }
    }

    @Test func headersOfManyFramesShareOneDictionary() throws {
        var encoder = SPDYEncoder()
        var decoder = SPDYDecoder()
        for number in 1...2000 {
            let headers = [
                HTTPHead.Field("streamtype", number % 2 == 0 ? "data" : "error"), .init("port", "\(number)"),
                .init("requestid", String(repeating: "\(number)", count: number % 50)),
            ]
            let frame = SPDYFrame.synStream(UInt32(number) * 2 - 1, headers: headers, fin: false)
            decoder.feed(encoder.encode(frame))
            #expect(try decoder.next() == frame)
        }
    }

    /// What other implementations send: zlib's defaults instead of the least memory.
    @Test func everyWindowOfZlibIsRead() throws {
        let frames = try Self.decode([
            hex(
                "8003 0001 00 000028 00000001 00000000 0000 78f9e3c6a7c2 02a62346703a2b294a4dcc851625aca9a08006 000000ffff"
            )
        ])
        #expect(frames == [Self.frames[0].0])
    }

    @Test func aFrameOfAnUnknownTypeIsSkipped() throws {
        #expect(
            try Self.decode([hex("8003 00aa 00 000003 010203"), hex("8003 0006 00 000004 00000001")]) == [.ping(1)])
    }

    @Test func aLargeFrameOfDataIsNotKept() throws {
        var decoder = SPDYDecoder()
        decoder.feed(hex("00000001 01 ffffff"))
        var count = 0
        for _ in 0..<0xffffff / 65_535 {
            decoder.feed([UInt8](repeating: 1, count: 65_535))
            while case .data(1, let bytes, let fin) = try decoder.next() {
                count += bytes.count
                #expect(fin == (count == 0xffffff))
            }
        }
        #expect(count == 0xffffff / 65_535 * 65_535)
    }

    @Test(arguments: [
        ("8002 0006 00 000004 00000001", "version 2"),
        ("00000000 00 000001 61", "stream 0"),
        ("8003 0001 00 010001 00000001", "65537 bytes"),
        ("8003 0003 00 000004 00000001", "not 8"),
        ("8003 0003 00 000008 00000000 00000001", "stream 0"),
        ("8003 0004 00 000008 00000002 00000000", "SETTINGS"),
        ("8003 0006 00 000003 000000", "cut short"),
        ("8003 0006 00 000005 0000000101", "PING"),
        ("8003 0001 00 000004 00000001", "cut short"),
        // Raw bytes, and another dictionary's sum.
        ("8003 0002 00 000008 00000001 00000000", "not compressed"),
        ("8003 0002 00 00000a 00000001 78bb00000001", "another dictionary"),
    ])
    func malformedFramesAreErrors(_ bytes: String, _ words: String) {
        let error = #expect(throws: WireError.self) { try Self.decode([hex(bytes)]) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    /// A small frame that would become gigabytes.
    @Test func compressionCannotBlowUp() throws {
        var encoder = SPDYEncoder()
        let bomb = encoder.encode(
            .synStream(1, headers: [.init("a", String(repeating: "a", count: 1 << 20))], fin: false))
        #expect(bomb.count < 65_536)
        #expect(throws: WireError.self) { try Self.decode([bomb]) }
    }
}

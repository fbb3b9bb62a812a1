// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import MonitorProtocol
import Testing

struct AttachPacketTests {
    @Test func channelsHaveTheirNumbers() {
        let channels: [AttachPacket.Channel] = [.stdin, .stdout, .stderr, .end, .resize, .closeStdin]
        #expect(channels.map(\.rawValue) == [0, 1, 2, 3, 4, 255])
    }

    @Test func resizeIsExact() {
        let size = WindowSize(rows: 0x0118, columns: 0x50)
        #expect(AttachPacket.resize(size) == [4, 0x18, 0x01, 0x50, 0x00])
        #expect(AttachPacket.size([0x18, 0x01, 0x50, 0x00]) == size)
    }

    @Test(arguments: [[], [1], [1, 2, 3], [1, 2, 3, 4, 5]] as [[UInt8]]) func refusesSizesOfAnotherLength(
        bytes: [UInt8]
    ) {
        #expect(AttachPacket.size(bytes) == nil)
    }
}

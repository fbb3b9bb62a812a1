// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// What an attached client and the monitor say to each other, over the SOCK_SEQPACKET socket that came with `attach`.
// One packet is one channel number and at most 32,768 bytes; the numbers are those of Kubernetes' channel protocols.
//
//   u8    from the client                                    from the monitor
//   0     bytes for the container's standard input           -
//   1     -                                                  bytes of its standard output, or of its terminal
//   2     -                                                  bytes of its error output
//   3     -                                                  the last packet: the container's output has ended
//   4     size of the terminal: rows u16, columns u16        -
//         (little endian)
//   255   standard input ends here                           -
//
// The client leaves by closing the socket; the container goes on. What the container writes is in its log before it is
// sent. A client that was asked to be attached hears everything that is read from the container after the answer `ok`.
//
// Flow control, towards the container: while its standard input is full, the monitor reads no packets of the clients that
// are attached to it. Towards the client: while its socket is full, nothing is read from the outputs it is attached to,
// so that the container waits as it would for a slow pipe. A client that takes nothing for 10 s is closed, without the
// packet 3, and the log goes on. So nothing is lost and nothing piles up.
//
// The end of standard input: when the container was made with `stdin once`, the client's packet 255 or its leaving ends
// the container's standard input, of a terminal by the end-of-file character. Otherwise neither does.

package import Linux

/// One packet between an attached client and the monitor, whose bytes stay where they are.
package enum AttachPacket {
    /// The most bytes of a packet after its channel number.
    package static let limit = 32_768

    package enum Channel: UInt8, Sendable {
        case stdin = 0
        case stdout = 1
        case stderr = 2
        case end = 3
        case resize = 4
        case closeStdin = 255
    }

    /// The packet for a new size of the terminal.
    package static func resize(_ size: WindowSize) -> [UInt8] {
        [
            Channel.resize.rawValue, UInt8(truncatingIfNeeded: size.rows), UInt8(truncatingIfNeeded: size.rows >> 8),
            UInt8(truncatingIfNeeded: size.columns), UInt8(truncatingIfNeeded: size.columns >> 8),
        ]
    }

    /// The size in the bytes after the channel number; nil when they are none.
    package static func size(_ bytes: some Collection<UInt8>) -> WindowSize? {
        let bytes = Array(bytes)
        guard bytes.count == 4 else { return nil }
        return WindowSize(
            rows: UInt16(bytes[0]) | UInt16(bytes[1]) << 8, columns: UInt16(bytes[2]) | UInt16(bytes[3]) << 8)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// One frame of SPDY/3.1, https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1.
///
///     control  1 version(15)=3 type(16) | flags(8) length(24) | body        numbers have the big end first
///     data     0 stream(31)             | flags(8) length(24) | bytes
///
///     type  frame          flags                        body
///     1     SYN_STREAM     1 FIN, 2 UNIDIRECTIONAL      stream(32) associated(32) priority(3) 0(5) slot(8) headers
///     2     SYN_REPLY      1 FIN                        stream(32) headers
///     3     RST_STREAM                                  stream(32) status(32)
///     4     SETTINGS       1 CLEAR                      count(32), count x (flags(8) id(24) value(32))
///     6     PING                                        id(32)
///     7     GOAWAY                                      last stream(32) status(32)
///     8     HEADERS        1 FIN                        stream(32) headers
///     9     WINDOW_UPDATE                               stream(32) 0(1) delta(31)
///
/// Headers are count(32), count x (length(32) name length(32) value), compressed by one zlib stream for each direction;
/// values of one name are separated by a zero byte.
package enum SPDYFrame: Hashable, Sendable {
    case synStream(UInt32, headers: [HTTPHead.Field], fin: Bool)
    case synReply(UInt32, headers: [HTTPHead.Field], fin: Bool)
    case reset(UInt32, SPDYStatus)
    case settings([Setting])
    case ping(UInt32)
    case goAway(last: UInt32, status: UInt32)
    case headers(UInt32, [HTTPHead.Field], fin: Bool)
    /// Stream 0 is the connection.
    case windowUpdate(UInt32, Int)
    /// A piece of a data frame as it came in; the last of a frame with FIN says so.
    case data(UInt32, ArraySlice<UInt8>, fin: Bool)

    /// One entry of SETTINGS.
    package struct Setting: Hashable, Sendable {
        package var flags: UInt8
        package var id: Int
        package var value: Int

        package init(id: Int, value: Int, flags: UInt8 = 0) {
            self.flags = flags
            self.id = id
            self.value = value
        }

        package static let initialWindowSize = 7
    }

    /// What every window is before anybody says otherwise, in bytes.
    package static let initialWindow = 65_536
    /// The longest control frame, and the longest list of headers before compression.
    package static let controlLimit = 65_536
}

/// Why a stream was reset. SPDY/3.1, section 2.6.3.
package struct SPDYStatus: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let protocolError = SPDYStatus(rawValue: 1)
    package static let invalidStream = SPDYStatus(rawValue: 2)
    package static let refusedStream = SPDYStatus(rawValue: 3)
    package static let cancel = SPDYStatus(rawValue: 5)
    package static let flowControlError = SPDYStatus(rawValue: 7)
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// The bytes between the daemon and the monitor of a pod, version 1.
//
// They travel over a SOCK_SEQPACKET unix socket: one message is one packet of at most 131,072 bytes. The client asks;
// the monitor answers each request, in any order, and tells events in between. Any number of clients may be connected.
//
//   message = version u16, kind u16, request u32, body       numbers are little endian, times are ns since 1970
//   string  = length u32, UTF-8                               flag   = u8, 0 or 1
//   list    = count u32, items                                option = flag, the value when the flag is 1
//   command = argv list of string, environment list of string ("k=v"), working directory string
//
// The request number is the client's choice; every answer carries it. Events carry 0. Bytes after a body are an error,
// and so is any value that is cut short. A message of an unknown version or kind is answered by `failed`.
//
//   kind  request     body                                                          answers
//   1     hello       highest version the client speaks u16                         hello
//   2     adopt       -                                                             ok
//   3     create      container string, command, pid file string, exit file string, created | failed
//                     log path string, log limit u64 (0: none), stdin flag,
//                     console socket option string, OOM events file option string
//   4     start       container string, command                                     ran | failed
//   5     run         command                                                       ran | failed
//   6     exec        container string, exec id string, command, pid file string,   execStarted, execExited | failed
//                     timeout u32 (ms, 0: none), stdin flag;
//                     with it the descriptors [stdin,] stdout, stderr (SCM_RIGHTS)
//   7     signal      container string, signal u32                                  ok | failed
//   8     list        -                                                             containers
//   9     forget      container string                                              ok | failed
//   10    reopenLog   container string                                              ok | failed
//   11    shutdown    -                                                             ok | failed
//
//   kind  answer      body
//   257   hello       version of the conversation u16, pid of the monitor u32, pod string
//   258   ok          -
//   259   failed      text string, exit status of the command option u32
//   260   created     pid u32, start time u64 (clock ticks since boot, proc_pid_stat(5))
//   261   ran         exit status u32 (128 + n for signal n), its output and error text string
//   262   execStarted pid u32
//   263   execExited  exit status u32 (128 + n for signal n), signal u32 (0: none), timed out flag
//   264   containers  list of (container string, state, bytes of output lost u64)
//         state       = 1 creating | 2 created, process | 3 running, process, started u64 | 4 exited, record string
//         process     = pid u32, start time u64
//
//   kind  event       body
//   513   exited      container string, record string (the text form of ExitRecord)

/// What a client receives: the answer to one of its requests, or an event.
package enum MonitorMessage: Hashable, Sendable {
    /// The answer to the request of that number.
    case reply(UInt32, MonitorReply)
    case event(MonitorEvent)

    /// The newest version of the protocol, spoken by this build.
    package static let version: UInt16 = 1
    /// The size of the longest message in bytes: what one packet holds with the kernel's default send buffer.
    package static let maximumSize = 131_072

    /// The packet for this message; fails when it would be too long.
    package func encoded() throws(MonitorProtocolError) -> [UInt8] {
        switch self {
        case .reply(let request, let reply):
            var encoder = MessageEncoder(kind: reply.kind, request: request)
            reply.encodeBody(to: &encoder)
            return try encoder.finish()
        case .event(let event):
            var encoder = MessageEncoder(kind: event.kind, request: 0)
            event.encodeBody(to: &encoder)
            return try encoder.finish()
        }
    }

    /// Reads a packet that a monitor sent.
    package init(decoding packet: [UInt8]) throws(MonitorProtocolError) {
        var decoder = try MessageDecoder(packet)
        if let reply = try MonitorReply(kind: decoder.kind, from: &decoder) {
            self = .reply(decoder.request, reply)
        } else if let event = try MonitorEvent(kind: decoder.kind, from: &decoder) {
            self = .event(event)
        } else {
            throw .unknownKind(decoder.kind)
        }
        try decoder.finish()
    }
}

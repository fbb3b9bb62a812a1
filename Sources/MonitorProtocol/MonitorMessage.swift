// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// The bytes between the daemon and the monitor of a pod, versions 1 to 3.
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
// The version of a message tells how its body is written. `hello` is of version 1 for ever, and names the highest
// version that its client speaks; the answer names the one to use from then on, which is the lower of both sides'. A
// request is answered in its own version, and a client hears events in the version of its last `hello`, at first 1. So
// a new daemon speaks to old monitors, and the other way round. "(2)" marks what version 1 does not have, "(3)" what came
// after version 2.
//
//   kind  request     body                                                          answers
//   1     hello       highest version the client speaks u16                         hello
//   2     adopt       -                                                             ok
//   3     create      container string, command, pid file string, exit file string, created | failed
//                     log path string, log limit u64 (0: none), stdin flag,
//                     console socket option string, OOM events file option string,
//                     (2) stdin once flag
//   4     start       container string, command                                     ran | failed
//   5     run         command                                                       ran | failed
//   6     exec        container string, exec id string, command, pid file string,   execStarted, execExited | failed
//         in 1        timeout u32 (ms, 0: none), stdin flag;
//                     with it the descriptors [stdin,] stdout, stderr (SCM_RIGHTS)
//         in 2        container string, exec id string, way, terminal option (rows  the same; with a terminal its
//                     u16, columns u16), timeout u32, stdin flag, ends with client  master comes with execStarted
//                     flag; descriptors as in 1, but none with a terminal
//         way         = 1 runtime, command, pid file string, console socket option string
//                     | 2 entry, root string, id string, argv list of string, environment list of string
//   7     signal      container string, signal u32                                  ok | failed
//   8     list        -                                                             containers
//   9     forget      container string                                              ok | failed
//   10    reopenLog   container string, (2) deadline u64 (ns of CLOCK_MONOTONIC;    ok | failed
//                     0: none)
//   11    shutdown    -                                                             ok | failed
//   12    attach (2)  container string, stdin flag, stdout flag, stderr flag; with  ok | failed
//                     it a socket, whose packets stand in AttachPacket.swift
//   13    resize (2)  container string, rows u16, columns u16                       ok | failed
//   14    endExec (2) exec id string                                                ok | failed
//   15    hangUp (3)  exec id string                                                ok | failed
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
//   514   logTrouble  container string, bytes of output lost so far u64, error string; empty when the log can be
//         (2)         written again

/// What a client receives: the answer to one of its requests, or an event.
package enum MonitorMessage: Hashable, Sendable {
    /// The answer to the request of that number.
    case reply(UInt32, MonitorReply)
    case event(MonitorEvent)

    /// The newest version of the protocol, spoken by this build.
    package static let version: UInt16 = 3
    /// All versions that this build speaks.
    package static let versions: ClosedRange<UInt16> = 1...3
    /// The size of the longest message in bytes: what one packet holds with the kernel's default send buffer.
    package static let maximumSize = 131_072

    /// The packet for this message in that version; fails when it would be too long, or the version does not have it.
    package func encoded(version: UInt16) throws(MonitorProtocolError) -> [UInt8] {
        switch self {
        case .reply(let request, let reply):
            var encoder = MessageEncoder(kind: reply.kind, request: request, version: version)
            reply.encodeBody(to: &encoder)
            return try encoder.finish()
        case .event(let event):
            guard version >= event.firstVersion else { throw .needsVersion(event.firstVersion) }
            var encoder = MessageEncoder(kind: event.kind, request: 0, version: version)
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

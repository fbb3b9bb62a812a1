// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

/// Memory that every read and every write of a log passes through; there is one of it in a monitor.
///
/// Safe: nobody keeps a pointer to it from one event to the next, and only `OutputStream.read` and `AttachedClient.receive` fill and read it, within its
/// bounds.
@safe struct TransferBuffers {
    static let readSize = AttachPacket.limit
    /// Lines are written out once there are so many bytes of them.
    static let writeSize = 32_768

    /// A packet for attached clients: the channel, and then what was read.
    var packet: UnsafeMutableRawBufferPointer {
        mutating get {
            if let storage = unsafe storage { return unsafe storage }
            let fresh = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 + Self.readSize, alignment: 16)
            unsafe storage = fresh
            return unsafe fresh
        }
    }
    private var storage: UnsafeMutableRawBufferPointer?
    fileprivate var lines: [UInt8] = []
    fileprivate var time = LogTimestamp()

    init() { unsafe storage = nil }

    /// Gives it back until the next read.
    mutating func release() {
        unsafe storage?.deallocate()
        unsafe storage = nil
        lines = []
    }

    fileprivate mutating func flush(into log: LogFile) {
        guard !lines.isEmpty else { return }
        log.write(lines)
        lines.removeAll(keepingCapacity: true)
    }
}

/// One output of a program, a pipe or the master of its terminal: kept in memory, or on its way into a container's log.
final class OutputStream {
    enum ReadResult { case more, nothingNow, end }

    private enum Destination {
        case memory([UInt8])
        case log(LogLine, LogFile)
    }

    /// Whom it is told besides, in packets of its channel.
    var listeners: [AttachedClient] = []
    /// It is not read, because a listener has not taken the last yet.
    var isSuspended = false
    /// nil as long as it is kept in memory.
    private(set) var channel: AttachPacket.Channel?

    /// Of what is kept in memory, the last so many bytes.
    static let memoryLimit = 65_536
    /// ... and of that so many are told.
    private static let textLimit = 40_000

    private let source: OwnedFD
    private var destination: Destination
    var rawValue: Int32 { source.rawValue }

    /// Takes over a nonblocking descriptor whose bytes are kept in memory at first.
    init(keeping source: consuming OwnedFD) {
        self.source = source
        destination = .memory([])
    }

    /// Takes over a nonblocking descriptor whose bytes go into the log.
    init(logging source: consuming OwnedFD, _ stream: LogLine.Stream, into log: LogFile) {
        self.source = source
        destination = .log(LogLine(stream), log)
        channel = stream.channel
    }

    /// What is kept in memory, as text.
    var text: String {
        guard case .memory(let bytes) = destination else { return "" }
        // Bytes that are no UTF-8 become three each, and all of it is to fit into one message.
        return String(decoding: bytes.suffix(Self.textLimit), as: UTF8.self)
    }

    /// From now on everything goes into the log, what was kept first.
    func carry(_ stream: LogLine.Stream, into log: LogFile, _ buffers: inout TransferBuffers) {
        guard case .memory(let bytes) = destination else { return }
        destination = .log(LogLine(stream), log)
        channel = stream.channel
        unsafe bytes.withUnsafeBytes { unsafe pass($0, &buffers) }
    }

    /// Reads once and passes it on.
    func read(_ buffers: inout TransferBuffers) -> ReadResult {
        let packet = unsafe buffers.packet
        let count: Int
        do throws(Errno) {
            count = unsafe try Syscall.read(
                source.rawValue, into: UnsafeMutableRawBufferPointer(rebasing: packet[1...]))
        } catch .EAGAIN {
            return .nothingNow
        } catch {
            // EIO is how a terminal tells that its last user is gone.
            count = 0
        }
        if count == 0 { return .end }
        unsafe pass(UnsafeRawBufferPointer(rebasing: packet[1...count]), &buffers)
        if let channel, !listeners.isEmpty {
            unsafe packet[0] = channel.rawValue
            for listener in listeners {
                unsafe listener.offer(UnsafeRawBufferPointer(rebasing: packet[...count]))
            }
        }
        return .more
    }

    /// Reads what is there now, at most the capacity of the largest pipe: a writer that lives on could fill it for ever.
    func drain(_ buffers: inout TransferBuffers) -> ReadResult {
        for _ in 0..<(1 << 20) / TransferBuffers.readSize + 1 {
            let result = read(&buffers)
            if result != .more { return result }
        }
        return .more
    }

    /// Writes what has no newline yet; for the end of the stream.
    func finish(_ buffers: inout TransferBuffers) {
        guard case .log(var line, let log) = destination else { return }
        buffers.time.set(KernelClock.realtime)
        line.finish(at: buffers.time, to: &buffers.lines)
        destination = .log(line, log)
        buffers.flush(into: log)
    }

    private func pass(_ bytes: UnsafeRawBufferPointer, _ buffers: inout TransferBuffers) {
        // The payload is taken out while it changes, so that it has one owner and is not copied.
        switch destination {
        case .memory(var kept):
            destination = .memory([])
            unsafe kept += bytes
            kept.removeFirst(max(0, kept.count - Self.memoryLimit))
            destination = .memory(kept)
        case .log(var line, let log):
            destination = .memory([])
            buffers.time.set(KernelClock.realtime)
            var position = 0
            while position < bytes.count {
                position += unsafe line.take(
                    UnsafeRawBufferPointer(rebasing: bytes[position...]), at: buffers.time, to: &buffers.lines,
                    threshold: TransferBuffers.writeSize)
                buffers.flush(into: log)
            }
            destination = .log(line, log)
        }
    }
}

extension LogLine.Stream {
    fileprivate var channel: AttachPacket.Channel {
        switch self {
        case .stdout: .stdout
        case .stderr: .stderr
        }
    }
}

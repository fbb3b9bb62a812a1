// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// A program run to its end with its output captured.
package struct CommandOutput: Sendable {
    package var status: ExitStatus
    package var output: [UInt8]
    package var errorOutput: [UInt8]
    /// The deadline passed, and the program and its process group were killed.
    package var timedOut: Bool

    package var outputText: String { String(decoding: output, as: UTF8.self) }
    package var errorText: String { String(decoding: errorOutput, as: UTF8.self) }

    /// Runs the plan with `input` on standard input and captures both outputs, at most `limit` bytes each (what is
    /// beyond is read and dropped). Blocks the calling thread. The plan's first three descriptors are replaced. A child that goes on
    /// in the background with the pipes open does not hold the caller: after the program's end only what is there is read.
    package static func run(
        _ plan: ChildPlan, input: [UInt8] = [], limit: Int = 1 << 24, timeoutMilliseconds: Int32 = -1
    ) throws(Errno) -> CommandOutput {
        var stdin = try Pipe(nonblocking: false)
        var stdout = try Pipe(nonblocking: false)
        var stderr = try Pipe(nonblocking: false)
        guard let inputReader = stdin.takeReader(), let outputWriter = stdout.takeWriter(),
            let errorWriter = stderr.takeWriter(), let inputWriter = stdin.takeWriter(),
            let outputReader = stdout.takeReader(), let errorReader = stderr.takeReader()
        else { throw .EBADF }
        var plan = plan
        let others = plan.descriptors.dropFirst(3)
        plan.descriptors = [inputReader.rawValue, outputWriter.rawValue, errorWriter.rawValue] + others
        plan.newProcessGroup = true
        let child = try ChildProcess(plan)
        _ = inputReader.release().closeNow()
        _ = outputWriter.release().closeNow()
        _ = errorWriter.release().closeNow()
        try inputWriter.setNonblocking(true)
        try outputReader.setNonblocking(true)
        try errorReader.setNonblocking(true)
        var exchange = Exchange(
            input: input[...], inputFD: SharedFD(inputWriter),
            outputs: [SharedFD(outputReader), SharedFD(errorReader)],
            limit: limit)
        let timedOut = try exchange.run(until: child.pidfd, milliseconds: timeoutMilliseconds)
        if timedOut {
            // The group is the child's own; it may be gone already.
            do throws(Errno) { try Syscall.kill(-child.pid, .kill) } catch {}
        }
        let status = try child.wait()
        try exchange.drain()
        return CommandOutput(
            status: status, output: exchange.collected[0], errorOutput: exchange.collected[1], timedOut: timedOut)
    }
}

extension Int32 {
    fileprivate func closeNow() -> Int32 { clx_close(self) }
}

/// The three pipes of a running command, moved by one poll loop so that no side can fill up and wait for another.
private struct Exchange {
    private static let pieceSize = 65_536
    private static let largestPipe = 1 << 20

    var input: ArraySlice<UInt8>
    var inputFD: SharedFD?
    var outputs: [SharedFD?]
    var limit: Int
    var collected: [[UInt8]] = [[], []]

    init(input: ArraySlice<UInt8>, inputFD: SharedFD, outputs: [SharedFD?], limit: Int) {
        self.input = input
        self.inputFD = input.isEmpty ? nil : inputFD
        self.outputs = outputs
        self.limit = limit
    }

    /// Returns true when the deadline passed before the process ended.
    mutating func run(until pidfd: borrowing PidFD, milliseconds: Int32) throws(Errno) -> Bool {
        let epoll = try Epoll()
        try epoll.add(pidfd.rawValue, .readable, token: 3)
        if let inputFD { try epoll.add(inputFD.rawValue, .writable, token: 2) }
        for (index, output) in outputs.enumerated() {
            if let output { try epoll.add(output.rawValue, .readable, token: UInt64(index)) }
        }
        let deadline = KernelClock.monotonic + Int64(milliseconds) * 1_000_000
        while true {
            let left = milliseconds < 0 ? -1 : Int32(max(0, (deadline - KernelClock.monotonic) / 1_000_000))
            let events = try epoll.wait(milliseconds: left)
            if events.isEmpty && left == 0 { return true }
            for event in events {
                switch event.token {
                case 3: return false
                case 2: try feed(epoll)
                default: try collect(Int(event.token), epoll)
                }
            }
        }
    }

    private mutating func feed(_ epoll: borrowing Epoll) throws(Errno) {
        guard let fd = inputFD else { return }
        do throws(Errno) {
            input = input.dropFirst(try Syscall.write(fd.rawValue, input))
        } catch .EAGAIN {
            return
        } catch .EPIPE {
            input = []
        }
        if input.isEmpty {
            try epoll.remove(fd.rawValue)
            inputFD = nil
        }
    }

    private mutating func collect(_ index: Int, _ epoll: borrowing Epoll) throws(Errno) {
        guard let fd = outputs[index] else { return }
        if try take(index, fd) {
            try epoll.remove(fd.rawValue)
            outputs[index] = nil
        }
    }

    /// Reads once; true at the end of the stream.
    private mutating func take(_ index: Int, _ fd: SharedFD) throws(Errno) -> Bool {
        do throws(Errno) {
            let bytes = try fd.descriptor.read(upTo: Self.pieceSize)
            collected[index] += bytes.prefix(limit - collected[index].count)
            return bytes.isEmpty
        } catch .EAGAIN {
            return false
        }
    }

    /// Reads what is in the pipes now, without waiting for writers that live on; one of those could fill its pipe for ever.
    mutating func drain() throws(Errno) {
        for (index, output) in outputs.enumerated() {
            guard let output else { continue }
            for _ in 0...Self.largestPipe / Self.pieceSize {
                guard try Syscall.poll(output.rawValue, for: .readable, milliseconds: 0).contains(.readable) else {
                    break
                }
                if try take(index, output) { break }
            }
        }
    }
}

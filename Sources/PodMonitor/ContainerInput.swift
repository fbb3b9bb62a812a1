// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The standard input of a container: a pipe, or its terminal. What it does not take at once is kept, and then no more is
/// accepted, so that this is one packet of a client at most.
final class ContainerInput {
    private static let endOfFile: UInt8 = 4

    /// A nonblocking descriptor to write to; nil when the container has no standard input, or none any more.
    private(set) var descriptor: SharedFD?
    private var isTerminal = false
    private var rest: ArraySlice<UInt8> = []
    private var endsAfterRest = false
    /// The loop's token while it waits for room.
    var token: UInt64?

    var isFull: Bool { !rest.isEmpty }

    /// The copy of a terminal's master must be one of its own: epoll(7) watches a number once.
    func open(_ descriptor: SharedFD, isTerminal: Bool) {
        self.descriptor = descriptor
        self.isTerminal = isTerminal
    }

    /// Takes all bytes; those for an input that has ended are dropped.
    func take(_ bytes: UnsafeRawBufferPointer) {
        guard let descriptor, !endsAfterRest else { return }
        do throws(Errno) {
            let done = unsafe try Syscall.write(descriptor.rawValue, bytes)
            if done < bytes.count { unsafe rest = Array(bytes[done...])[...] }
        } catch .EAGAIN {
            unsafe rest = Array(bytes)[...]
        } catch {
            // The container reads no more.
            close()
        }
    }

    /// Writes what was kept, as far as there is room.
    func flush() {
        guard let descriptor, isFull else { return }
        do throws(Errno) {
            while isFull { rest = rest.dropFirst(try Syscall.write(descriptor.rawValue, rest)) }
        } catch .EAGAIN {
            return
        } catch {
            return close()
        }
        rest = []
        if endsAfterRest { end() }
    }

    /// No more input follows what was taken: the pipe is closed; a terminal gets the character that means it.
    func end() {
        guard let descriptor else { return }
        guard !isFull else {
            endsAfterRest = true
            return
        }
        if isTerminal {
            // A terminal that is full of unread input has more to read before an end.
            do throws(Errno) { _ = try Syscall.write(descriptor.rawValue, [Self.endOfFile][...]) } catch {}
        }
        close()
    }

    func close() {
        descriptor = nil
        rest = []
    }
}

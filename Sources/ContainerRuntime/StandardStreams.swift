// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Standard input, output and error of a process without a terminal.
enum StandardStreams {
    /// Writes the failure where the program would write its own.
    static func tell(_ failure: InitFailure) {
        // With nobody to tell that telling fails, the failure is dropped.
        try? Syscall.writeAll(2, Array("skiffrun: \(failure)\n".utf8))
    }

    /// Makes the streams the container's: the host's null device is exchanged for the container's, and the rest belongs
    /// to the user, who may then open /dev/stdout again.
    static func adopt(uid: UInt32) throws {
        for stream: Int32 in 0...2 {
            guard let status = try? Syscall.status(of: stream) else {
                try replaceByNull(stream)
                continue
            }
            if status.isNullDevice {
                try replaceByNull(stream)
            } else if status.uid != uid {
                try give(stream, to: uid, status.gid)
            }
        }
    }

    private static func replaceByNull(_ stream: Int32) throws {
        do throws(Errno) {
            let opened = try Syscall.open("/dev/null", [.readWrite, .noFollow])
            guard try opened.status().isNullDevice else { return replaceByOwnNull(stream) }
            try Syscall.duplicate(opened.rawValue, onto: stream)
        } catch .ENOENT {
            replaceByOwnNull(stream)
        } catch {
            throw SystemError("open", "/dev/null", error)
        }
    }

    /// In a container without a null device. Who may not make one has no right to the node that is there either, and keeps
    /// it.
    private static func replaceByOwnNull(_ stream: Int32) {
        do throws(Errno) {
            let own = try OwnNullDevice()
            try Syscall.duplicate(own.node.rawValue, onto: stream)
            withExtendedLifetime(own) {}
        } catch {}
    }

    /// Pipes of foreign users, read-only file systems and the like simply stay as they are.
    private static func give(_ stream: Int32, to uid: UInt32, _ gid: UInt32) throws {
        do throws(Errno) {
            try Syscall.changeOwner(of: stream, uid: uid, gid: gid)
        } catch .EPERM {
        } catch .EROFS {
        } catch .EINVAL {
            // A user that a mapped file system does not know.
        } catch {
            throw SystemError("change owner of", "standard stream \(stream)", error)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The place to mount at: the mount goes onto the descriptor, wherever its path may lead by then.
struct MountTarget: ~Copyable {
    let file: OwnedFD
    /// No link was on the way, so the destination is its true path in the container.
    let isLiteral: Bool
    /// It was missing and had to be made.
    var isNew = false
}

extension RootfsBuilder {
    /// PROC_SUPER_MAGIC of statfs(2).
    static let procFileSystem: Int64 = 0x9fa0

    /// A handle on the place to mount at. Where it is missing it is made, as a directory or as a file; only then it is
    /// asked which. Links are followed inside the root, but none may be at the end of an ordinary one.
    func target(
        of mount: MountPlan, isOrdinary: Bool = false, isDirectory: () throws(Errno) -> Bool = { true }
    ) throws -> MountTarget {
        var isNew = false
        do throws(Errno) {
            do throws(Errno) {
                let file = try root.openLiterally(mount.destination, .path)
                if isOrdinary, try !file.status().isDirectory { throw .ENOTDIR }
                return MountTarget(file: file, isLiteral: true)
            } catch .ELOOP {
            } catch .ENOENT {
                isNew = true
            }
            let followsLast = !isOrdinary && !mount.options.handling.contains(.destinationNoFollow)
            if !followsLast {
                return MountTarget(file: try makeOrdinary(mount, try isDirectory()), isLiteral: false, isNew: isNew)
            }
            let path = mount.destination
            return MountTarget(
                file: try isDirectory() ? root.makeDirectories(path) : root.makeFile(path), isLiteral: false,
                isNew: isNew)
        } catch .ENOTDIR where isOrdinary {
            // A link here would put /proc or /sys elsewhere, and a stranger's files where they are expected
            // (CVE-2023-27561).
            throw RuntimeError("filesystem \"\(mount.typeName)\" must be mounted on ordinary directory")
        } catch {
            throw SystemError("create mount point", mount.destination, error)
        }
    }

    /// The destination itself, also if it is a link; then only a file can be mounted on it.
    private func makeOrdinary(_ mount: MountPlan, _ isDirectory: Bool) throws(Errno) -> OwnedFD {
        let (parent, name) = try root.parent(of: mount.destination)
        do throws(Errno) {
            if isDirectory {
                try Syscall.makeDirectory(name, mode: 0o755, at: parent.rawValue)
            } else {
                _ = try Syscall.open(name, [.writeOnly, .create, .exclusive], mode: 0o644, at: parent.rawValue)
            }
        } catch .EEXIST {}
        return try Syscall.open(
            name, isDirectory ? [.path, .noFollow, .directory] : [.path, .noFollow], at: parent.rawValue,
            resolve: [.beneath, .noMagicLinks])
    }

    /// Over /proc only a procfs may be mounted, and in it only what `mountableInProc` lists.
    func refuseProc(_ mount: MountPlan, _ target: borrowing MountTarget, isProc source: () -> Bool) throws {
        let destination = mount.destination
        var place = destination
        var isInProc = false
        if !target.isLiteral {
            isInProc = isProc(target.file.rawValue)
            place = try isInside ? pathOfProc(target.file) ?? destination : pathInRoot(target.file) ?? destination
        }
        if place == "/proc" || destination == "/proc" {
            if source() { return }
            throw RuntimeError("\"\(destination)\" cannot be mounted because it is not of type proc")
        }
        guard isInProc || place.hasPrefix("/proc/") else { return }
        if MountPlan.mountableInProc.contains(place) || MountPlan.mountableInProc.contains(destination) { return }
        throw RuntimeError("\"\(destination)\" cannot be mounted because it is inside /proc")
    }

    /// Where the file is below the root; nil when it has been removed meanwhile.
    private func pathInRoot(_ file: borrowing OwnedFD) throws -> String? {
        let link = file.procPath
        let path = try SystemError.attempt("read link", link) { () throws(Errno) in try Syscall.readLink(link) }
        return path.hasPrefix(plan.rootfs + "/") ? String(path.dropFirst(plan.rootfs.utf8.count)) : nil
    }

    /// `/proc` if that is where the file is.
    private func pathOfProc(_ file: borrowing OwnedFD) throws -> String? {
        do throws(Errno) {
            let proc = try root.openLiterally("/proc", .path).status()
            let status = try file.status()
            return proc.inode == status.inode && proc.device == status.device ? "/proc" : nil
        } catch .ENOENT {
            return nil
        } catch {
            throw SystemError("open", "/proc", error)
        }
    }

    func isProc(_ descriptor: Int32) -> Bool {
        do throws(Errno) {
            return try Syscall.fileSystem(of: descriptor).type == Self.procFileSystem
        } catch {
            return false
        }
    }
}

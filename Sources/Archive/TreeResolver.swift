// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// Finds the directories of a tree that is being unpacked, from a descriptor of its root and never by an absolute path.
///
/// Links in a path are followed as if the root were `/`, so that `lib -> usr/lib` and `var/run -> /run` work as the
/// image means them; a relative link that leads above the root is an error. The tree is private to its extractor.
final class TreeResolver {
    /// A directory of the tree.
    struct Directory {
        /// An O_PATH descriptor.
        let handle: SharedFD
        /// Where it is: there are no links in it.
        let path: EntryPath
    }

    private let root: Directory
    private var cache: [EntryPath: Directory] = [:]
    /// Directories that were made because an entry needs them and the archive did not bring them, and whether they hide what
    /// is below.
    private var made: [(path: EntryPath, hides: Bool)] = []
    /// The length of the targets of all links that were passed.
    private var passed = 0
    /// Whether whiteouts may be in the tree, which are then no files but nothing.
    private let whiteouts: Whiteout

    private static let cacheLimit = 64

    init(root: SharedFD, whiteouts: Whiteout) {
        self.root = Directory(handle: root, path: .root)
        self.whiteouts = whiteouts
    }

    /// The directories that were made since this was asked last.
    func takeMade() -> [(path: EntryPath, hides: Bool)] {
        guard !made.isEmpty else { return [] }
        defer { made = [] }
        return made
    }

    /// The length of the targets of the links that were passed since this was asked last.
    func takePassed() -> Int {
        defer { passed = 0 }
        return passed
    }

    /// The directory; missing ones are made. The name of the entry is for errors.
    func directory(_ path: EntryPath, for name: @autoclosure () -> String) throws(ArchiveError) -> Directory {
        if path.isRoot { return root }
        if let known = cache[path] { return known }
        let entry = name()
        try UnpackLimits.check(depth: path.components.count, of: entry)
        var found = root
        do throws(Errno) {
            let handle = try Syscall.open(
                path.joined, [.path, .directory], at: root.handle.rawValue, resolve: [.beneath, .noSymlinks])
            found = Directory(handle: SharedFD(handle), path: path)
        } catch {
            // Missing, behind a link, or worse: what it is, the slow way tells.
            // With `makes` set there is always one.
            if case .directory(let end) = try walk(path, for: entry, makes: true) { found = end }
        }
        if cache.count >= Self.cacheLimit { cache = [:] }
        cache[path] = found
        return found
    }

    /// The same, or nil when it is not there.
    func existing(_ path: EntryPath, for entry: String) throws(ArchiveError) -> SharedFD? {
        guard case .directory(let found) = try way(path, for: entry) else { return nil }
        return found.handle
    }

    /// Where the path leads; nothing is made.
    func way(_ path: EntryPath, for entry: String) throws(ArchiveError) -> EntryWay<Directory> {
        try walk(path, for: entry, makes: false)
    }

    /// To be called when something was removed that may have been a directory or a link to one.
    func forget() { cache = [:] }

    private func walk(_ path: EntryPath, for entry: String, makes: Bool) throws(ArchiveError) -> EntryWay<Directory> {
        func fault(_ code: ArchiveError.Code, _ reason: String) -> ArchiveError {
            ArchiveError(code, "unpack entry", entry, reason)
        }
        var stack = [root.handle]
        /// The names of the directories of the stack, without links.
        var reached: [ArraySlice<UInt8>] = []
        var pending = Array(path.components.reversed())
        var links = 0
        while let step = pending.popLast() {
            let current = stack[stack.count - 1]
            if step.elementsEqual("..".utf8) {
                guard stack.count > 1 else { throw fault(.hostile, "a symbolic link in it climbs out of the layer") }
                stack.removeLast()
                reached.removeLast()
                continue
            }
            let name = RawName(step)
            switch try enter(name, of: current, EntryPath(steps: reached + [step]), for: entry, makes: makes) {
            case .directory(let entered):
                stack.append(entered)
                reached.append(step)
                try UnpackLimits.check(depth: reached.count, of: entry)
            case .missing: return .missing(EntryPath(steps: reached + [step] + pending.reversed()))
            case .deleted: return .deleted
            case .link(let target):
                links += 1
                guard links <= UnpackLimits.linksOfName else {
                    throw fault(.hostile, "it passes too many symbolic links")
                }
                passed += target.bytes.count
                if target.bytes.first == UInt8(ascii: "/") { (stack, reached) = ([root.handle], []) }
                pending += EntryPath.steps(of: target.bytes).reversed()
            }
        }
        return .directory(Directory(handle: stack[stack.count - 1], path: EntryPath(steps: reached)))
    }

    private enum Step {
        case directory(SharedFD)
        case link(RawName)
        case missing
        case deleted
    }

    private func enter(
        _ name: RawName, of directory: SharedFD, _ path: EntryPath, for entry: String, makes: Bool
    ) throws(ArchiveError) -> Step {
        do throws(Errno) {
            do throws(Errno) {
                return .directory(SharedFD(try open(name, of: directory)))
            } catch .ENOENT {
                guard makes else { return .missing }
                return .directory(try make(name, in: directory, path, hides: false))
            } catch .ENOTDIR {
                let status = try Syscall.linkStatus(name, at: directory.rawValue)
                if status.isSymlink { return .link(try Syscall.readLink(name, at: directory.rawValue)) }
                guard whiteouts == .overlay, status.isWhiteout else { throw .ENOTDIR }
                guard makes else { return .deleted }
                // Deleted and made anew as a directory by the same layer: nothing below may shine through.
                try Syscall.removeFile(name, at: directory.rawValue)
                return .directory(try make(name, in: directory, path, hides: true))
            }
        } catch .ENOTDIR {
            let quoted = ArchiveError.quoted(name.description)
            throw ArchiveError(.unsupported, "unpack entry", entry, "a file is where \(quoted) must be a directory")
        } catch {
            throw ArchiveError(entry: entry, error)
        }
    }

    private func open(_ name: RawName, of directory: SharedFD) throws(Errno) -> OwnedFD {
        try Syscall.open(name, [.path, .directory, .noFollow], at: directory.rawValue)
    }

    private func make(
        _ name: RawName, in directory: SharedFD, _ path: EntryPath, hides: Bool
    ) throws(Errno) -> SharedFD {
        try Syscall.makeDirectory(name, mode: 0o755, at: directory.rawValue)
        try InheritedACL.drop(of: name, at: directory.rawValue)
        try Syscall.changeMode(name, 0o755, at: directory.rawValue)
        let opened = try open(name, of: directory)
        if hides { try Whiteout.markOpaque(opened.rawValue) }
        made.append((path, hides))
        return SharedFD(opened)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The way from a directory down to one below it, for walks through trees of any depth: a process may nest directories
/// deeper than there are descriptors, or room on a stack.
///
/// The upper directories stay open, so that nothing that happens to their names matters. Below them the way back is `..`,
/// and whoever moves a directory meanwhile is found out by its identity.
struct DirectoryWay {
    /// How many directories stay open.
    private static let heldLimit = 64

    private struct Identity: Equatable {
        let device: UInt64
        let inode: UInt64
    }

    private var held: [SharedFD]
    private var identities: [Identity] = []
    /// The directory that was reached.
    private(set) var current: SharedFD

    /// Begins at a directory that is open.
    init(_ top: SharedFD) {
        held = [top]
        current = top
    }

    /// How far below the beginning the directory is that was reached.
    var depth: Int { identities.count }

    /// Goes on to a directory in the one that was reached; a link is none.
    mutating func enter(_ name: RawName) throws(Errno) {
        let status = try Syscall.status(of: current.rawValue)
        let next = SharedFD(try Syscall.open(name, [.directory, .noFollow], at: current.rawValue))
        identities.append(Identity(device: status.device, inode: status.inode))
        current = next
        if identities.count < Self.heldLimit { held.append(next) }
    }

    /// Goes back to the directory above. Throws ESTALE when that cannot be found any more: then it has gone back to one
    /// that is still open.
    mutating func leave() throws(Errno) {
        let above = identities.removeLast()
        guard identities.count >= held.count else {
            held.removeLast(held.count - identities.count - 1)
            current = held[held.count - 1]
            return
        }
        do throws(Errno) {
            let parent = SharedFD(try Syscall.open("..", .directory, at: current.rawValue))
            let status = try Syscall.status(of: parent.rawValue)
            guard Identity(device: status.device, inode: status.inode) == above else { throw .ESTALE }
            current = parent
        } catch {
            identities.removeLast(identities.count - held.count + 1)
            current = held[held.count - 1]
            throw .ESTALE
        }
    }
}

extension Syscall {
    /// Visits a directory and those below it, of any depth, each before those in it; a link is none. The body names those in
    /// the one it gets that come next; once they are done, `afterwards` gets its name and the directory above. One that cannot
    /// be entered is passed over for the errors that `isPassed` takes, and for ESTALE what is left of one that is moved
    /// meanwhile.
    package static func visitDirectories(
        below top: SharedFD, passingOver isPassed: (Errno) -> Bool,
        _ body: (SharedFD) throws(Errno) -> [RawName],
        afterwards: (RawName, SharedFD) throws(Errno) -> Void = { _, _ in }
    ) throws(Errno) {
        var way = DirectoryWay(top)
        var names: [RawName] = []
        var left = [try body(top)]
        while true {
            do throws(Errno) {
                if let name = left[names.count].popLast() {
                    try way.enter(name)
                    names.append(name)
                } else {
                    left.removeLast()
                    guard let name = names.popLast() else { return }
                    try way.leave()
                    try afterwards(name, way.current)
                    continue
                }
            } catch {
                guard isPassed(error) else { throw error }
                names.removeLast(names.count - way.depth)
                left.removeLast(left.count - way.depth - 1)
                continue
            }
            left.append(try body(way.current))
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
package import OCIImageSpec

extension ImageStore {
    /// Writes what a container has added to its root file system and changed in it to a new tar file. What lies at the
    /// given places, absolute, is left out. Returns the absolute paths of what it has removed of its image. Blocks; the
    /// container should stand still.
    package func writeChanges(
        of container: String, image: Digest, skipping places: Set<String>, to path: String
    ) throws -> [String] {
        try withTree(of: image) { lower in
            try ImageStoreError.attempt("write changes of container \"\(container)\" to", path) { () throws(Errno) in
                let file = SharedFD(try Syscall.open(path, [.writeOnly, .create, .exclusive], mode: 0o600))
                let upper = try Syscall.open("\(paths.container(container))/upper", [.path, .directory])
                let merged = try Syscall.open(paths.rootfs(container), [.path, .directory])
                var changes = ContainerChanges(tar: TreeTar(file), places: places)
                try changes.collect(upper.rawValue, merged.rawValue, lower, path: [UInt8(ascii: "/")])
                try changes.tar.finish()
                return changes.removed
            }
        }
    }

    /// Makes changes that `writeChanges` has written in the root file system of another container of the image, which is
    /// mounted and on which nothing else works. Tar and paths may be a stranger's: nothing is touched outside. Blocks.
    package func restoreChanges(of container: String, from path: String, removing removed: [String]) throws {
        let place = paths.rootfs(container)
        try ImageStoreError.attempt("remove files of container", container) { () throws(Errno) in
            let root = try SafeRoot(place)
            for file in removed { try Self.remove(file, below: root) }
        }
        // A container that has changed nothing may have no such file.
        guard Syscall.exists(path) else { return }
        let extractor = try LayerExtractor(into: place, whiteout: .flatten)
        try extractor.take(LayerReader(try FileSource(path)))
        _ = try extractor.finish(above: nil)
    }

    /// What is not there is removed.
    private static func remove(_ path: String, below root: borrowing SafeRoot) throws(Errno) {
        let names = path.utf8.split(separator: UInt8(ascii: "/"))
        guard let last = names.last, !last.elementsEqual(".".utf8), !last.elementsEqual("..".utf8) else { return }
        let parent = names.dropLast().map { String(Substring($0)) }.joined(separator: "/")
        do throws(Errno) {
            let directory = try root.open(parent, [.path, .directory])
            try Syscall.removeTree(RawName(Array(last)), at: directory.rawValue)
        } catch .ENOENT {
        } catch .ENOTDIR {
        } catch {
            throw error
        }
    }
}

/// A walk through the names of a container's own layer. Contents and attributes are those of the overlay, for a file of the
/// layer may have a new owner or mode alone.
private struct ContainerChanges {
    let tar: TreeTar
    let places: Set<String>
    var removed: [String] = []
    private static let pathLimit = 4096

    init(tar: TreeTar, places: Set<String>) {
        self.tar = tar
        self.places = places
    }

    /// The image has no such directory when `lower` is nil.
    mutating func collect(_ upper: Int32, _ merged: Int32, _ lower: Int32?, path: [UInt8]) throws(Errno) {
        // A container may nest directories deeper than any path reaches, and than there is room on a stack.
        guard path.count <= Self.pathLimit else { throw .ENAMETOOLONG }
        if let lower, try Self.isOpaque(upper) {
            for name in try Self.names(lower).subtracting(try Self.names(merged)) { remove(path + name.bytes) }
        }
        for name in try Self.names(upper).sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            let inside = path + name.bytes
            if places.contains(String(decoding: inside, as: UTF8.self)) { continue }
            let status = try Syscall.linkStatus(name, at: upper)
            if status.isWhiteout {
                remove(inside)
                continue
            }
            try tar.add(name, at: merged, as: RawName(inside.dropFirst()))
            guard status.isDirectory else { continue }
            let own = try Self.open(name, upper)
            let all = try Self.open(name, merged)
            let below = try Self.directory(name, lower)
            // Its number is all that is passed on.
            defer { withExtendedLifetime(below) {} }
            try collect(own.rawValue, all.rawValue, below?.rawValue, path: inside + [UInt8(ascii: "/")])
        }
    }

    private mutating func remove(_ path: [UInt8]) { removed.append(String(decoding: path, as: UTF8.self)) }

    private static func open(_ name: RawName, _ directory: Int32) throws(Errno) -> OwnedFD {
        try Syscall.open(name, [.path, .directory, .noFollow], at: directory)
    }

    private static func directory(_ name: RawName, _ lower: Int32?) throws(Errno) -> SharedFD? {
        guard let lower else { return nil }
        do throws(Errno) { return SharedFD(try open(name, lower)) } catch .ENOENT { return nil } catch .ENOTDIR {
            return nil
        }
    }

    private static func names(_ directory: Int32) throws(Errno) -> Set<RawName> {
        let readable = try Syscall.open(".", [.directory], at: directory)
        return Set(try Syscall.rawEntries(of: readable.rawValue))
    }

    /// Whether the directory hides all that is below it.
    private static func isOpaque(_ directory: Int32) throws(Errno) -> Bool {
        do throws(Errno) {
            return try Syscall.attribute(RawName("."), Whiteout.opaqueMark, at: directory).elementsEqual("y".utf8)
        } catch .ENODATA {
            return false
        }
    }
}

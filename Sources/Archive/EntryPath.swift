// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The name of an entry as the steps from the root of the tree: never empty steps, `.` or `..`.
struct EntryPath: Hashable, Sendable, CustomStringConvertible {
    private(set) var components: [ArraySlice<UInt8>]

    static let lengthLimit = 4096

    /// Cleans a name of an archive. `a/../b` is `b`; `operation` and `entry` are for the error that an absolute name,
    /// and one that climbs above the root, end with.
    init(
        cleaning name: [UInt8], entry: @autoclosure () -> String, what: String = "its name"
    ) throws(ArchiveError) {
        func fault(_ code: ArchiveError.Code, _ reason: String) -> ArchiveError {
            ArchiveError(code, "unpack entry", entry(), reason)
        }
        guard name.count <= Self.lengthLimit else {
            throw fault(.tooLarge, "\(what) has \(name.count) bytes, the limit is \(Self.lengthLimit)")
        }
        guard !name.isEmpty else { throw fault(.corrupt, "\(what) is empty") }
        // umoci names the root itself "/".
        let slash = UInt8(ascii: "/")
        guard name.first != slash || name.allSatisfy({ $0 == slash }) else {
            throw fault(.hostile, "\(what) is an absolute path")
        }
        components = []
        for step in Self.steps(of: name) {
            if step.elementsEqual("..".utf8) {
                guard components.popLast() != nil else { throw fault(.hostile, "\(what) climbs out of the layer") }
            } else {
                components.append(step)
            }
        }
    }

    /// Of steps that are clean.
    init(steps components: [ArraySlice<UInt8>]) { self.components = components }

    /// The steps of a path without empty ones and `.`.
    static func steps(of path: some Collection<UInt8>) -> [ArraySlice<UInt8>] {
        Array(path).split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
    }

    /// The root of the tree.
    static let root = EntryPath(steps: [])

    /// A number by which the path is looked up; another one in each process, so that nobody can make paths that share one.
    var lookup: UInt64 {
        var hasher = Hasher()
        hasher.combine(self)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// The root of the tree itself, `./` in archives.
    var isRoot: Bool { components.isEmpty }
    /// The directory above; the root's is the root.
    var parent: EntryPath { EntryPath(steps: components.dropLast()) }
    /// Whether it is in the directory, at any depth.
    func isBelow(_ directory: EntryPath) -> Bool {
        components.count > directory.components.count && components.starts(with: directory.components)
    }
    /// A name in this directory.
    func appending(_ name: ArraySlice<UInt8>) -> EntryPath { EntryPath(steps: components + [name]) }
    /// The last step; of the root `.`, by which it can be reached in itself.
    var name: RawName { RawName(components.last ?? [UInt8(ascii: ".")]) }
    /// The last step.
    var last: ArraySlice<UInt8> { components.last ?? [] }
    /// Relative to the root.
    var joined: RawName {
        RawName(components.isEmpty ? [UInt8(ascii: ".")] : Array(components.joined(separator: [47])))
    }

    var description: String { joined.description }
}

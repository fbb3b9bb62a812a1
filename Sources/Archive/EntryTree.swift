// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The names of a layer that is written to a file: which are there, in which directory, and what they name.
///
/// Made for a million names: a name takes some 35 bytes and its own length. A name that is replaced stays where it is, so that
/// it costs the same however often an archive brings it. What was in a directory that is replaced stays in memory and is not
/// found any more.
struct EntryTree {
    /// What a name names.
    enum Target: Equatable {
        case directory(Int)
        /// A symbolic link: where its target is kept.
        case link(Int)
        /// A file, device or fifo that has its inode already.
        case inode(ErofsReference, ErofsFormat.FileType)
        /// A file that only a layer below has.
        case pending(Int)
        /// A deletion.
        case whiteout
    }

    private struct Node {
        var name: UInt32
        var length: UInt8
        var kind: UInt8
        var parent: UInt32
        /// The name that came before in the same directory.
        var next: UInt32
        var target: UInt64
    }

    /// A directory: its own attributes, and the last of its names.
    struct Directory {
        var attributes: DirectoryAttributes
        /// Its own name; of the root none.
        var node: Int?
        /// The directory that it is in.
        var parent: Int
        fileprivate var first = EntryTree.none
        /// Hides everything below.
        var isOpaque = false
        /// The archive did not bring it.
        var isImplied: Bool
    }

    static let root = 0
    fileprivate static let none = UInt32.max
    private static let gone: UInt8 = 0

    private var names: [UInt8] = []
    private var nodes: [Node] = []
    private(set) var directories: [Directory]
    /// A hash table of nodes by directory and name, with linear probing; a node that is gone is passed over.
    private var table = [UInt32](repeating: none, count: 1024)

    /// Only the root, which no entry brought.
    init() { directories = [Directory(attributes: .implied, node: nil, parent: Self.root, isImplied: true)] }

    /// The number of names, also of those that were replaced.
    var count: Int { nodes.count }

    // MARK: Finding

    /// The node of a name in a directory.
    func find(_ name: ArraySlice<UInt8>, in directory: Int) -> Int? {
        var place = slot(of: name, in: UInt32(directory))
        while table[place] != Self.none {
            let index = Int(table[place])
            if nodes[index].kind != Self.gone, nodes[index].parent == directory, names[range(index)] == name {
                return index
            }
            place = (place + 1) & (table.count - 1)
        }
        return nil
    }

    private func slot(of name: ArraySlice<UInt8>, in directory: UInt32) -> Int {
        // Seeded for each process, so that nobody can make names that collide.
        var hasher = Hasher()
        hasher.combine(directory)
        unsafe name.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return hasher.finalize() & (table.count - 1)
    }

    private func range(_ node: Int) -> Range<Int> {
        Int(nodes[node].name)..<Int(nodes[node].name) + Int(nodes[node].length)
    }

    /// The bytes of a node's name.
    func name(_ node: Int) -> ArraySlice<UInt8> { names[range(node)] }

    /// What a node names.
    subscript(node: Int) -> Target {
        get {
            let (kind, target) = (nodes[node].kind, nodes[node].target)
            switch kind {
            case 8: return .link(Int(target))
            case 9: return .pending(Int(target))
            case 10: return .whiteout
            case 11: return .directory(Int(target))
            default:
                return .inode(ErofsReference(rawValue: target), ErofsFormat.FileType(rawValue: kind) ?? .regular)
            }
        }
        set {
            switch newValue {
            case .directory(let index): (nodes[node].kind, nodes[node].target) = (11, UInt64(index))
            case .link(let index): (nodes[node].kind, nodes[node].target) = (8, UInt64(index))
            case .pending(let index): (nodes[node].kind, nodes[node].target) = (9, UInt64(index))
            case .whiteout: (nodes[node].kind, nodes[node].target) = (10, 0)
            case .inode(let inode, let type): (nodes[node].kind, nodes[node].target) = (type.rawValue, inode.rawValue)
            }
        }
    }

    /// Changes a directory's attributes.
    mutating func change(_ directory: Int, _ body: (inout Directory) -> Void) { body(&directories[directory]) }

    /// The nodes of a directory, in the order of the bytes of their names.
    func children(of directory: Int) -> [UInt32] {
        var found = names(of: directory)
        unsafe names.withUnsafeBufferPointer { names in
            found.sort { left, right in
                let (a, b) = (range(Int(left)), range(Int(right)))
                for index in 0..<min(a.count, b.count) {
                    let (first, second) = unsafe (names[a.lowerBound + index], names[b.lowerBound + index])
                    if first != second { return first < second }
                }
                return a.count < b.count
            }
        }
        return found
    }

    private func names(of directory: Int) -> [UInt32] {
        var found: [UInt32] = []
        var next = directories[directory].first
        while next != Self.none {
            if nodes[Int(next)].kind != Self.gone { found.append(next) }
            next = nodes[Int(next)].next
        }
        return found
    }

    /// Whether the directory, and all above it, are still there.
    func isLive(_ directory: Int) -> Bool {
        var current = directory
        while let node = directories[current].node {
            guard nodes[node].kind != Self.gone, self[node] == .directory(current) else { return false }
            current = directories[current].parent
        }
        return true
    }

    /// The directories that the archive did not bring and that are still there, each after the one it is in; not the root,
    /// which belongs to no layer more than to another.
    var implied: [Int] { directories.indices.dropFirst().filter { directories[$0].isImplied && isLive($0) } }

    /// The path of a directory from the root.
    func path(of directory: Int) -> EntryPath {
        var steps: [ArraySlice<UInt8>] = []
        var current = directory
        while let node = directories[current].node {
            steps.append(name(node))
            current = directories[current].parent
        }
        return EntryPath(steps: steps.reversed())
    }

    // MARK: Changing

    /// Adds a name that is not there.
    @discardableResult
    mutating func add(_ name: ArraySlice<UInt8>, in directory: Int, _ target: Target) -> Int {
        // Entries are limited to a few million, and names to 255 bytes.
        precondition(names.count + name.count < UInt32.max && nodes.count < Self.none - 1)
        if nodes.count * 4 >= table.count * 3 { grow() }
        let node = nodes.count
        nodes.append(
            Node(
                name: UInt32(names.count), length: UInt8(name.count), kind: 0, parent: UInt32(directory),
                next: directories[directory].first, target: 0))
        names += name
        directories[directory].first = UInt32(node)
        insert(node)
        self[node] = target
        return node
    }

    /// Adds a directory, in place of what has the name if it is there, and returns its number.
    mutating func addDirectory(
        _ name: ArraySlice<UInt8>, in parent: Int, replacing there: Int? = nil, _ attributes: DirectoryAttributes,
        isImplied: Bool
    ) -> Int {
        let index = directories.count
        if let there { self[there] = .directory(index) }
        let node = there ?? add(name, in: parent, .directory(index))
        directories.append(Directory(attributes: attributes, node: node, parent: parent, isImplied: isImplied))
        return index
    }

    /// Takes a name away, with everything below it.
    mutating func remove(_ node: Int) { nodes[node].kind = Self.gone }

    /// Takes a directory away, with everything below it.
    mutating func removeDirectory(_ directory: Int) {
        if let node = directories[directory].node { remove(node) }
    }

    /// Moves a name, with everything below it, to a directory that does not have it.
    mutating func move(_ node: Int, to directory: Int) {
        let target = self[node]
        let moved = add(name(node), in: directory, target)
        remove(node)
        if case .directory(let index) = target {
            (directories[index].node, directories[index].parent) = (moved, directory)
        }
    }

    private mutating func insert(_ node: Int) {
        var place = slot(of: names[range(node)], in: nodes[node].parent)
        while table[place] != Self.none { place = (place + 1) & (table.count - 1) }
        table[place] = UInt32(node)
    }

    private mutating func grow() {
        table = [UInt32](repeating: Self.none, count: table.count * 2)
        for node in nodes.indices { insert(node) }
    }
}

/// What an inode of a directory holds.
struct DirectoryAttributes: Equatable {
    var permissions: UInt32
    var uid: UInt32
    var gid: UInt32
    var modified: Timestamp
    /// As the archive has them, without those that are reserved.
    var attributes: [LayerEntry.Attribute]

    /// Those of a directory that nobody brought.
    static let implied = DirectoryAttributes(
        permissions: 0o755, uid: 0, gid: 0, modified: Timestamp(seconds: 0, nanoseconds: 0), attributes: [])
}

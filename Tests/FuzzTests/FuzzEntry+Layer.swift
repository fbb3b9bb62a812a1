// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux

/// A tar is written in both forms of a layer. They may refuse different things, because their formats have different
/// limits; but when both take it, they show the same.
extension FuzzEntry {
    static func layer(_ bytes: [UInt8]) {
        unpack(bytes)
        if let mended = withChecksums(bytes), mended != bytes { unpack(mended) }
    }

    /// The same tar with the right checksum in each header: without it, nearly every change ends at the first header. Nil of
    /// what is compressed.
    private static func withChecksums(_ bytes: [UInt8]) -> [UInt8]? {
        guard !bytes.starts(with: [0x1F, 0x8B]), !bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) else { return nil }
        var tar = bytes
        var start = 0
        while start + 512 <= tar.count, tar[start..<start + 512].contains(where: { $0 != 0 }) {
            for place in start + 148..<start + 156 { tar[place] = 0x20 }
            var sum = tar[start..<start + 512].reduce(0) { $0 + Int($1) }
            for place in (start + 148..<start + 154).reversed() {
                (tar[place], sum) = (0x30 + UInt8(sum & 7), sum >> 3)
            }
            let size = tar[start + 124..<start + 135].filter { (0x30...0x37).contains($0) }
            start += 512 + (size.reduce(0) { $0 << 3 + Int($1 & 7) } + 511) / 512 * 512
        }
        return tar
    }

    private static func unpack(_ bytes: [UInt8]) {
        let folder = "/tmp/skiff-fuzz-\(Syscall.processID)-\(UInt32.random(in: 0 ... .max))"
        guard Syscall.effectiveUserID == 0, (try? Syscall.makeDirectory(folder, mode: 0o700)) != nil else { return }
        defer { try? Syscall.removeTree(folder) }
        var limits = UnpackLimits()
        limits.bytes = 1 << 20
        limits.entries = 1000
        limits.ratioFrom = 1 << 20
        limits.memory = 16 << 20
        let tree = "\(folder)/tree"
        let image = "\(folder)/image"
        let inTree = write(bytes, limits) {
            try Syscall.makeDirectory(tree)
            return try LayerExtractor(into: tree, whiteout: .overlay, limits: limits)
        }
        let inImage = write(bytes, limits) {
            try ErofsLayer(at: image, identity: Array(repeating: 1, count: 16), limits: limits)
        }
        // Nothing was written beside the layer.
        precondition(((try? Syscall.entries(folder)) ?? []).allSatisfy { $0 == "tree" || $0 == "image" })
        guard inTree, inImage else { return }
        // A kernel that does not mount files shows nothing to compare.
        guard let context = try? Syscall.openFileSystem("erofs"),
            (try? Syscall.configure(context.rawValue, "source", image)) != nil
        else { return }
        do throws(Errno) {
            let mount = try Syscall.createMount(context.rawValue, attributes: .readOnly)
            let opened = try Syscall.open(tree, [.directory])
            try compare(opened.rawValue, mount.rawValue)
        } catch .ENOTBLK {
        } catch .ENODEV {
        } catch {
            preconditionFailure("the image cannot be read: \(error)")
        }
    }

    private static func write(_ bytes: [UInt8], _ limits: UnpackLimits, _ make: () throws -> any LayerWriter) -> Bool {
        do {
            let writer = try make()
            let plain = Decompressor(MemorySource(bytes), limits: limits)
            try writer.take(LayerReader(plain))
            _ = try writer.finish(above: nil)
            return true
        } catch {
            precondition(!"\(error)".isEmpty && !"\(error)".contains("\n"), "an error that is not one line")
            return false
        }
    }

    private static func compare(_ tree: Int32, _ image: Int32) throws(Errno) {
        func names(_ directory: Int32) throws(Errno) -> Set<RawName> {
            let readable = try Syscall.open(".", [.directory], at: directory)
            return Set(try Syscall.rawEntries(of: readable.rawValue))
        }
        let found = try names(tree)
        let inImage = try names(image)
        precondition(found == inImage, "other names")
        for name in found {
            let left = try Syscall.linkStatus(name, at: tree)
            let right = try Syscall.linkStatus(name, at: image)
            precondition(left.mode == right.mode && left.uid == right.uid && left.gid == right.gid, "other attributes")
            precondition(left.deviceNumber == right.deviceNumber, "another device")
            let leftAttributes = Set(try Syscall.attributeNames(name, at: tree))
            let rightAttributes = Set(try Syscall.attributeNames(name, at: image))
            precondition(leftAttributes == rightAttributes, "other extended attributes")
            switch left.kind {
            case .directory:
                let inner = try Syscall.open(name, [.path, .directory, .noFollow], at: tree)
                let outer = try Syscall.open(name, [.path, .directory, .noFollow], at: image)
                try compare(inner.rawValue, outer.rawValue)
            case .regular:
                precondition(left.size == right.size && left.links == right.links, "another size or count of links")
                let first = try Syscall.open(name, [.readOnly, .noFollow], at: tree).readAll()
                let second = try Syscall.open(name, [.readOnly, .noFollow], at: image).readAll()
                precondition(first == second, "another content")
            case .symlink:
                let first = try Syscall.readLink(name, at: tree)
                let second = try Syscall.readLink(name, at: image)
                precondition(first == second, "another target")
            case .character, .block, .fifo, .socket, .unknown: break
            }
        }
    }
}

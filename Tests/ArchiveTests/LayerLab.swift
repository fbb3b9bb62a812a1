// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// The forms that a layer is written in. What a layer shows must not depend on it.
enum LayerForm: String, CaseIterable, Sendable {
    case directory
    case erofs

    /// Those that this kernel can show.
    static let all: [LayerForm] = {
        let known = (try? Syscall.readText("/proc/filesystems")) ?? ""
        return known.contains("\terofs\n") ? allCases : [.directory]
    }()
}

/// A layer in a temporary folder, written in one of the forms and then looked at where it is or is mounted.
final class LayerLab {
    let folder: TemporaryDirectory
    let form: LayerForm
    private(set) var path: String
    private var mount: SharedFD?

    init(_ form: LayerForm) throws {
        folder = try TemporaryDirectory()
        self.form = form
        path = "\(folder.path)/layer"
    }

    /// Where the tree is. Of a mount without a place it is a path that works for system calls of this process.
    var root: String { mount?.descriptor.procPath ?? path }

    /// Writes the layer above another one and makes it visible.
    @discardableResult
    func unpack(
        _ bytes: [UInt8], blockSize: Int = 777, above below: LowerTree? = nil, limits: UnpackLimits = UnpackLimits()
    ) throws -> LayerSummary {
        let writer = try writer(limits)
        try writer.take(LayerReader(Decompressor(MemorySource(bytes, blockSize: blockSize))))
        return try finish(writer, above: below)
    }

    @discardableResult
    func unpack(_ tar: TarBuilder, above below: LowerTree? = nil) throws -> LayerSummary {
        try unpack(tar.finished, above: below)
    }

    /// A writer of the layer at another place.
    func writer(at path: String) throws -> any LayerWriter {
        self.path = path
        return try writer()
    }

    func writer(_ limits: UnpackLimits = UnpackLimits()) throws -> any LayerWriter {
        switch form {
        case .directory:
            try Syscall.makeDirectory(path)
            return try LayerExtractor(into: path, whiteout: .overlay, limits: limits)
        case .erofs:
            return try ErofsLayer(at: path, identity: Array(1...16), limits: limits)
        }
    }

    /// Ends the layer, compares what was written with what is there, and makes it visible.
    func finish(_ writer: any LayerWriter, above below: LowerTree?) throws -> LayerSummary {
        let summary = try writer.finish(above: below)
        // What was written is what is there.
        guard form == .erofs else {
            let opened = try Syscall.open(path, [.directory])
            let found = try TreeInventory(of: opened.rawValue)
            #expect(summary.checksum == found.checksum)
            return summary
        }
        let file = try Syscall.open(path, [.readOnly])
        #expect(try summary.checksum == BlockChecksum.of(file.rawValue))
        // Two judges: the tools of the format, and the kernel.
        try Command.run(["/usr/bin/fsck.erofs", path])
        mount = SharedFD(try Self.mount(path))
        #expect(summary.bytes == (try Syscall.status(path).size))
        return summary
    }

    static func mount(_ path: String) throws(Errno) -> OwnedFD {
        func mount(_ source: String) throws(Errno) -> OwnedFD {
            let context = try Syscall.openFileSystem("erofs")
            try Syscall.configure(context.rawValue, "source", source)
            try Syscall.configure(context.rawValue, flag: "ro")
            return try Syscall.createMount(context.rawValue, attributes: .readOnly)
        }
        do throws(Errno) {
            return try mount(path)
        } catch .ENOTBLK {
            let file = try Syscall.open(path, [.readOnly])
            let device = try Syscall.attachLoopDevice(to: file.rawValue)
            let mounted = try mount("/dev/loop\(device.number)")
            _ = consume device
            return mounted
        }
    }

    /// The layer as one that is below another.
    func lower() throws -> LowerTree { LowerTree(SharedFD(try Syscall.open(root, [.path, .directory]))) }

    func status(_ name: String) throws -> FileStatus { try Syscall.linkStatus("\(root)/\(name)") }
    func text(_ name: String) throws -> String { try Syscall.readText("\(root)/\(name)") }
    func entries(_ name: String = "") throws -> Set<String> { Set(try Syscall.entries("\(root)/\(name)")) }
    func attribute(_ name: String, _ attribute: String) throws -> [UInt8] {
        try Syscall.attribute("\(root)/\(name)", attribute)
    }
    func isOpaque(_ name: String) -> Bool { (try? attribute(name, "trusted.overlay.opaque")) == Array("y".utf8) }
    func isDeletion(_ name: String) throws -> Bool {
        let status = try status(name)
        return status.kind == .character && status.deviceNumber == DeviceNumber(major: 0, minor: 0)
    }
}

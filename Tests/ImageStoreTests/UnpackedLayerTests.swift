// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import OCIImageSpec
import TestSupport
import Testing

@testable import ImageStore

/// A layer that several pulls share.
@Suite(.requiresRoot) struct UnpackedLayerTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func base(_ name: String, _ build: (String) throws -> Void) throws -> LowerTree {
        let path = "\(folder.path)/\(name)"
        try Syscall.makeDirectories(path)
        try build(path)
        return LowerTree(SharedFD(try Syscall.open(path, [.path, .directory])))
    }

    /// Half of what was found below the first is in it by then.
    @Test(arguments: LayerFormatTests.formats)
    func whatFailedAboveOneImageIsOfNoUseToAnother(format: LayerFormats) throws {
        var tar = TarBuilder()
        tar.add("lib/f", content: [1])
        tar.add("zz/q/f", content: [1])
        let digest = Digest(of: tar.finished)
        let layer = try UnpackedLayer(
            LayerReader(MemorySource(tar.finished)), to: "\(folder.path)/layer", as: format.format, diffID: digest)
        #expect(layer.isDependent)
        #expect(throws: (any Error).self) {
            try layer.finish(as: digest) {
                try base("hostile") { path in
                    try Syscall.makeDirectories("\(path)/elsewhere")
                    try Syscall.makeSymlink("elsewhere", "\(path)/lib")
                    try Syscall.makeSymlink("zz", "\(path)/zz")
                }
            }
        }
        let other = try layer.finish(as: Digest(of: [1])) {
            try base("good") { try Syscall.makeDirectories("\($0)/lib") }
        }
        #expect(other == nil)
    }
}

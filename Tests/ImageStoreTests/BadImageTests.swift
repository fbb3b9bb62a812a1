// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import Linux
import OCIImageSpec
import Testing
import TestSupport

/// Images that cannot be had: one clear error each, and nothing left behind.
@Suite(.requiresRoot) struct BadImageTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        var title: String
        var build: @Sendable (inout LayoutBuilder) throws -> Void
        var code: ImageStoreError.Code
        var reason: String
        var testDescription: String { title }
    }

    static let zeros = "sha256:" + String(repeating: "0", count: 64)

    static let faults: [Fault] = [
        Fault(
            title: "a blob of another digest",
            build: {
                var layer = StoreLab.layer("a", "one")
                layer.digest = zeros
                try $0.add([layer])
            }, code: .digestMismatch, reason: "the blob has the digest"),
        Fault(
            title: "a tar of another digest",
            build: {
                var layer = StoreLab.layer("a", "one")
                layer.diffID = zeros
                try $0.add([layer])
            }, code: .digestMismatch, reason: "the unpacked content has the digest"),
        Fault(
            title: "a truncated layer",
            build: {
                var layer = StoreLab.layer("a", "one")
                layer.truncated = 10
                try $0.add([layer])
            }, code: .corruptLayer, reason: "shorter"),
        Fault(
            title: "a tar that is cut off",
            build: {
                var tar = TarBuilder()
                tar.add("a", content: [UInt8](repeating: 1, count: 5000))
                var layer = LayoutBuilder.Layer(tar)
                layer.tar = Array(layer.tar.prefix(3000))
                try $0.add([layer])
            }, code: .corruptLayer, reason: "cut off"),
        Fault(
            title: "a layer that is no tar",
            build: {
                var layer = StoreLab.layer("a", "one")
                layer.tar = Array(repeating: 0x61, count: 5000)
                try $0.add([layer])
            }, code: .corruptLayer, reason: "not a valid tar"),
        Fault(
            title: "an entry that climbs out",
            build: { try $0.add([StoreLab.layer("fine", "1"), StoreLab.layer("../../evil", "1")]) },
            code: .corruptLayer, reason: "unpack entry \"../../evil\""),
        Fault(
            title: "a layer of an unknown type",
            build: {
                var layer = StoreLab.layer("a", "one")
                layer.mediaType = "application/vnd.oci.image.layer.v1.tar+encrypted"
                try $0.add([layer])
            }, code: .unsupportedMediaType, reason: "tar+encrypted"),
        Fault(
            title: "a foreign layer",
            build: {
                var layer = StoreLab.layer("a", "one")
                layer.mediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
                try $0.add([layer], docker: true)
            }, code: .unsupportedMediaType, reason: "a layer is foreign, of the type \"application/vnd.docker.image"),
        Fault(
            title: "an artifact whose file would be outside",
            build: {
                try $0.add([.init(file: [1], title: "../evil")], configType: "application/vnd.example.sbom+json")
            }, code: .invalid, reason: "called \"../evil\", which is no relative path"),
        Fault(
            title: "an artifact whose file is called as a directory",
            build: { try $0.add([.init(file: [1], title: "evil/")], configType: "application/vnd.example.sbom+json") },
            code: .invalid, reason: "called \"evil/\""),
        Fault(
            title: "an artifact whose file would delete another",
            build: { try $0.add([.init(file: [1], title: ".wh.a")], configType: "application/vnd.example.sbom+json") },
            code: .invalid, reason: "called \".wh.a\""),
        Fault(
            title: "an artifact with two files of one name",
            build: {
                try $0.add(
                    [.init(file: [1], title: "a"), .init(file: [2], title: "a/b")],
                    configType: "application/vnd.example.sbom+json")
            }, code: .invalid, reason: "two of its files claim the place \"a/b\""),
        Fault(
            title: "an artifact with a file where another has a directory",
            build: {
                try $0.add(
                    [.init(file: [1], title: "a/b/c"), .init(file: [2], title: "a/b")],
                    configType: "application/vnd.example.sbom+json")
            }, code: .invalid, reason: "two of its files claim the place \"a/b\""),
        Fault(
            title: "an artifact whose file is in too many directories",
            build: {
                let title = String(repeating: "d/", count: 64) + "a"
                try $0.add([.init(file: [1], title: title)], configType: "application/vnd.example.sbom+json")
            }, code: .invalid, reason: "which is no relative path"),
        Fault(
            title: "a file of an artifact of another digest",
            build: {
                var file = LayoutBuilder.Layer(file: [1, 2, 3], title: "a")
                file.digest = zeros
                try $0.add([file], configType: "application/vnd.example.sbom+json")
            }, code: .digestMismatch, reason: "the blob has the digest"),
        Fault(
            title: "more diff_ids than layers",
            build: { try $0.add([StoreLab.layer("a", "1")], extraDiffIDs: [zeros]) }, code: .invalid,
            reason: "1 layers but 2 diff_ids"),
        Fault(
            title: "a missing tag", build: { try $0.add([StoreLab.layer("a", "1")], tag: "other") }, code: .notFound,
            reason: "no image tagged \"latest\""),
        Fault(
            title: "a missing blob",
            build: {
                let entry = try $0.add([])
                try Syscall.removeFile($0.file(entry.digest))
            }, code: .io, reason: "no such file or directory"),
    ]

    @Test(arguments: faults) func pullFailsAndLeavesNothing(fault: Fault) async throws {
        let lab = try StoreLab()
        try fault.build(&lab.layout)
        let store = try lab.open()
        let error = try await #require(throws: ImageStoreError.self) {
            _ = try await store.pull(
                Reference(parsing: "app"), from: lab.source("latest"), platform: StoreLab.platform)
        }
        #expect(error.code == fault.code, "\(error)")
        #expect(error.description.contains(fault.reason), "\(error)")
        #expect(!error.description.contains("\n"))
        #expect(try lab.isEmpty())
        #expect(try store.images().isEmpty)
        #expect(!Syscall.exists("\(lab.folder.path)/evil"))
    }

    @Test(arguments: faults) func unpackFailsAndLeavesNothing(fault: Fault) async throws {
        let lab = try StoreLab()
        try fault.build(&lab.layout)
        let target = "\(lab.folder.path)/target"
        let error = try await #require(throws: ImageStoreError.self) {
            let source = try lab.source("latest")
            let image = try await ImageResolution(.tag("latest"), of: source, for: StoreLab.platform, name: "app")
            try await image.unpack(from: source, to: target)
        }
        #expect(error.code == fault.code, "\(error)")
        #expect(!Syscall.exists(target))
    }

    @Test func fullDiskIsOneErrorAndLeavesNothing() async throws {
        let lab = try StoreLab()
        var tar = TarBuilder()
        tar.add("big", content: [UInt8](repeating: 7, count: 8 << 20))
        try lab.layout.add([StoreLab.layer("small", "1"), LayoutBuilder.Layer(tar)])
        try Syscall.makeDirectory(lab.root)
        try Syscall.mount(source: "small", target: lab.root, type: "tmpfs", data: "size=4m")
        let store = try lab.open()
        let error = try await #require(throws: ImageStoreError.self) {
            _ = try await store.pull(Reference(parsing: "app"), from: lab.source(), platform: StoreLab.platform)
        }
        #expect(error.code == .noSpace, "\(error)")
        #expect(error.description.contains("no space left on device"))
        #expect(try lab.isEmpty())
        #expect(try store.images().isEmpty)
    }

    @Test func whatIsNoLayoutIsNotFound() throws {
        let lab = try StoreLab()
        for path in ["\(lab.folder.path)/missing", lab.folder.path] {
            let error = try #require(throws: ImageStoreError.self) { try LayoutSource(directory: path) }
            #expect(error.code == .notFound)
        }
    }
}

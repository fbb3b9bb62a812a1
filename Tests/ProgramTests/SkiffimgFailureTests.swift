// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// What cannot work: one line on standard error, exit status 1, nothing left behind.
@Suite("skiffimg: what cannot work", .requiresRoot)
struct SkiffimgFailureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var words: [String]
        var error: String
        var testDescription: String { words.joined(separator: " ") }
    }

    static let cases = [
        Case(words: ["pull", "team/UPPER"], error: "parse reference \"team/UPPER\""),
        Case(words: ["pull", "oci:missing"], error: "open image layout \"missing\""),
        Case(words: ["pull", "oci:layout:other"], error: "no image tagged \"other\""),
        Case(words: ["pull", "oci:layout:v1", "--platform", "x"], error: "parse platform \"x\""),
        Case(
            words: ["pull", "oci:layout:v1", "--platform", "linux/arm64"],
            error: "it is for the platform linux/amd64, not linux/arm64"),
        Case(
            words: ["copy", "oci:layout:v1", "oci:new:v1", "--platform", "linux/arm64"],
            error: "it is for the platform linux/amd64, not linux/arm64"),
        Case(words: ["pull", "oci:layout:v1", "--config", "missing.toml"], error: "missing.toml"),
        Case(words: ["pull", "127.0.0.1:1/x"], error: "refused"),
        Case(words: ["inspect", "docker://127.0.0.1:1/x"], error: "refused"),
        Case(words: ["unpack", "oci:layout:v1", "full"], error: "unpack to \"full\": the directory is not empty"),
        Case(words: ["unpack", "oci:layout:v1", "no/parent"], error: "create directory \"no/parent\""),
        Case(words: ["rm", "nothing"], error: "remove image \"nothing\": no such image"),
        Case(words: ["pull", "oci:"], error: "parse image name \"oci:\": it names no place"),
        Case(words: ["copy", "oci:layout:v1", "somewhere"], error: "copy to \"somewhere\": say where"),
        Case(words: ["copy", "oci:layout:v1", "dir:full"], error: "the directory is not empty"),
        Case(words: ["copy", "oci:layout:v1", "oci:full"], error: "the directory is not empty"),
        Case(words: ["copy", "oci:layout:v1", "oci-archive:layout/index.json"], error: "create archive"),
        Case(words: ["copy", "oci:layout:cut", "oci:new:v1"], error: "shorter than"),
        Case(words: ["copy", "oci:layout:cut", "docker-archive:new:v1"], error: "shorter than"),
        Case(words: ["copy", "store:nothing", "oci:new"], error: "find image \"nothing\": no such image in the store"),
        Case(words: ["pull", "oci-archive:missing.tar"], error: "open \"missing.tar\": no such file"),
        Case(words: ["pull", "docker-archive:layout/index.json"], error: "read archive \"layout/index.json\""),
        Case(
            words: ["load", "--input", "layout.tar"],
            error: "open docker archive \"layout.tar\": it has no manifest.json"),
        Case(
            words: ["pull", "oci-archive:layout.tar"], error: "open image layout \"layout.tar\": layout.tar/oci-layout"),
        Case(words: ["pull", "docker-archive:layout.tar:x"], error: "open docker archive \"layout.tar\""),
        Case(
            words: ["pull", "oci:layout:v1", "--policy", "reject.json"], error: "layout\": the policy rejects it"),
        Case(
            words: ["unpack", "oci:layout:v1", "new", "--policy", "reject.json"],
            error: "layout\": the policy rejects it"),
        Case(words: ["load", "--input", "layout.tar", "--policy", "reject.json"], error: "the policy rejects it"),
        Case(words: ["pull", "dir:layout"], error: "open image directory \"layout\": it has no manifest.json"),
        Case(words: ["tag", "nothing", "x"], error: "tag image \"nothing\": no such image"),
        Case(words: ["mount", "nothing"], error: "mount image \"nothing\": no such image"),
        Case(words: ["umount", "nothing"], error: "unmount \"nothing\": no image is mounted"),
        Case(words: ["diff", "nothing"], error: "find image \"nothing\": no such image"),
        Case(words: ["load", "--input", "missing.tar"], error: "open \"missing.tar\": no such file"),
        Case(words: ["save", "--output", "new", "oci:layout:other"], error: "no image tagged \"other\""),
        Case(words: ["push", "oci:layout:v1", "dir:new"], error: "push to \"dir:new\": it is no registry"),
        Case(words: ["pull", "oci:layout:evil"], error: "unpack entry \"../evil\""),
        Case(words: ["unpack", "oci:layout:evil", "new"], error: "unpack entry \"../evil\""),
        Case(words: ["pull", "oci:layout:cut"], error: "shorter than"),
    ]

    private func expectFailure(_ result: CommandOutput, _ text: String) {
        #expect(result.status == .exited(1))
        #expect(result.outputText.isEmpty)
        let lines = result.errorText.split(separator: "\n")
        #expect(lines.count == 1, "\(result.errorText)")
        #expect(result.errorText.hasPrefix("skiffimg: ") && result.errorText.contains(text), "\(result.errorText)")
    }

    @Test(arguments: cases) func oneErrorAndNothingLeft(example: Case) throws {
        let lab = try SkiffimgLab()
        try lab.layout.add(SkiffimgLab.layers(), tag: "v1")
        var evil = TarBuilder()
        evil.add("fine", content: [1])
        evil.add("../evil", content: [1])
        try lab.layout.add([LayoutBuilder.Layer(evil)], tag: "evil")
        var cut = SkiffimgLab.layers()
        cut[1].truncated = 20
        cut[1].tar += [UInt8](repeating: 0, count: 512)
        try lab.layout.add(cut, tag: "cut")
        try Syscall.makeDirectories("\(lab.path)/full/of")
        // An archive that holds no image.
        var other = TarBuilder()
        other.add("file", content: [1])
        try AtomicFile.write("\(lab.path)/layout.tar", other.finished)
        try AtomicFile.write("\(lab.path)/reject.json", #"{"default": [{"type": "reject"}]}"#)
        expectFailure(try lab.run(example.words), example.error)
        #expect(try lab.isStoreEmpty())
        #expect(!Syscall.exists("\(lab.path)/new"))
        #expect(try Syscall.entries("\(lab.path)/full") == ["of"])
    }

    @Test func registryFaults() throws {
        let lab = try SkiffimgLab()
        try lab.layout.add(SkiffimgLab.layers(), tag: "v1")
        let registry = try DocumentRegistry()
        try registry.push("oci:\(lab.layout.path):v1", as: "app:v1")
        let insecure = ["--insecure-registry", registry.address]
        expectFailure(try lab.run(["pull", "\(registry.address)/app:v2"] + insecure), "app:v2")
        expectFailure(try lab.run(["pull", "\(registry.address)/none:v1"] + insecure), "none:v1")
        // Plain HTTP only where it is declared.
        expectFailure(try lab.run("pull", "\(registry.address)/app:v1"), registry.address)
        // One byte of one layer, at the registry.
        let blobs = try lab.layout.largestBlob()
        let data = "\(registry.storage)/docker/registry/v2/blobs/sha256/\(blobs.prefix(2))/\(blobs)/data"
        var bytes = try Syscall.readFile(data)
        bytes[bytes.count - 1] ^= 1
        try AtomicFile.write(data, bytes)
        expectFailure(try lab.run(["pull", "\(registry.address)/app:v1"] + insecure), "has the digest")
        #expect(try lab.isStoreEmpty())
    }

    @Test func fullDiskLeavesTheDirectoryAsItWas() throws {
        let lab = try SkiffimgLab()
        var tar = TarBuilder()
        tar.add("small", content: [1])
        tar.add("big", content: [UInt8](repeating: 7, count: 4 << 20))
        try lab.layout.add([LayoutBuilder.Layer(tar)], tag: "v1")
        for name in ["target", "root"] {
            try Syscall.makeDirectory("\(lab.path)/\(name)")
            try Syscall.mount(source: "small", target: "\(lab.path)/\(name)", type: "tmpfs", data: "size=1m")
        }
        expectFailure(try lab.run("unpack", "oci:layout:v1", "target"), "no space left on device")
        #expect(try Syscall.entries("\(lab.path)/target").isEmpty)
        expectFailure(try lab.run("pull", "oci:layout:v1"), "no space left on device")
        #expect(try lab.isStoreEmpty())
    }
}

extension LayoutBuilder {
    /// The hex of the digest of the largest blob, which is a layer.
    fileprivate func largestBlob() throws -> String {
        let directory = "\(path)/blobs/sha256"
        let sizes = try Syscall.entries(directory).map { ($0, try Syscall.status("\(directory)/\($0)").size) }
        return try #require(sizes.max { $0.1 < $1.1 }).0
    }
}

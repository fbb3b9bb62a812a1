// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// skopeo and umoci read what skiffimg wrote, and the reverse.
@Suite("skiffimg: transports", .requiresRoot)
struct SkiffimgTransportTests {
    let lab: SkiffimgLab

    init() throws {
        lab = try SkiffimgLab()
        try lab.layout.add(SkiffimgLab.layers(), tag: "v1")
    }

    @discardableResult
    private func skopeo(_ words: String...) throws -> String {
        let plan = ChildPlan(
            "/usr/bin/skopeo", ["skopeo", "--insecure-policy"] + words, environment: ["HOME=\(lab.path)"],
            workingDirectory: lab.path)
        let result = try CommandOutput.run(plan, timeoutMilliseconds: 120_000)
        #expect(result.status == .exited(0), "skopeo \(words): \(result.errorText)")
        return result.outputText
    }

    /// What umoci makes of the image, by path.
    private func expected() throws -> [String: String] {
        try Command.run(["/usr/bin/umoci", "unpack", "--image", "\(lab.layout.path):v1", "\(lab.path)/umoci"])
        return try SkiffimgLab.snapshot("\(lab.path)/umoci/rootfs")
    }

    static let places = ["oci:copy:v1", "oci-archive:copy.tar:v1", "docker-archive:copy.tar:app:v1", "dir:copy"]

    @Test(arguments: places) func skopeoReadsWhatSkiffimgWrites(place: String) throws {
        let id = try lab.succeed("config", "oci:layout:v1")
        try lab.succeed("copy", "oci:layout:v1", place)
        // The configuration byte for byte; and all layers are where they are looked for.
        #expect(try skopeo("inspect", "--config", "--raw", place) == id)
        try skopeo("copy", place, "oci:back:v1")
        try Command.run(["/usr/bin/umoci", "unpack", "--image", "\(lab.path)/back:v1", "\(lab.path)/again"])
        #expect(try SkiffimgLab.snapshot("\(lab.path)/again/rootfs") == expected())
        if !place.hasPrefix("docker-archive") {
            #expect(try skopeo("inspect", "--raw", place) == lab.succeed("manifest", "oci:layout:v1"))
        }
    }

    @Test(arguments: places) func skiffimgReadsWhatSkopeoWrites(place: String) throws {
        try skopeo("copy", "oci:layout:v1", place)
        try lab.succeed("unpack", place, "unpacked")
        #expect(try SkiffimgLab.snapshot("\(lab.path)/unpacked") == expected())
        #expect(try lab.succeed("config", place) == lab.succeed("config", "oci:layout:v1"))
        try lab.succeed("pull", place, "--name", "example.org/x:1")
        #expect(try lab.succeed("list").contains("example.org/x:1"))
    }

    @Test func umociReadsALayoutWithSeveralImages() throws {
        try lab.layout.add([LayoutBuilder.Layer(TarBuilder())], tag: "v2")
        try lab.succeed("copy", "oci:layout:v1", "oci:copy:one")
        try lab.succeed("copy", "oci:layout:v2", "oci:copy:two")
        try lab.succeed("copy", "oci:layout:v2", "oci:copy:one")
        let listed = try Command.run(["/usr/bin/umoci", "ls", "--layout", "\(lab.path)/copy"])
        #expect(Set(listed.split(separator: "\n")) == ["one", "two"])
        #expect(try lab.succeed("manifest", "oci:copy:one") == lab.succeed("manifest", "oci:layout:v2"))
    }

    @Test func wholeIndexIsCopied() throws {
        let arm = try lab.layout.add(SkiffimgLab.layers(), tag: nil, architecture: "arm64")
        let amd = try lab.layout.add(SkiffimgLab.layers(), tag: nil)
        try lab.layout.addIndex([arm, amd], tag: "multi")
        for place in ["oci:all:m", "oci-archive:all.tar:m", "dir:alldir"] {
            try lab.succeed("copy", "--all", "oci:layout:multi", place)
            #expect(try skopeo("inspect", "--raw", place) == lab.succeed("manifest", "--index", "oci:layout:multi"))
            try skopeo("copy", "--all", place, "dir:back-\(place.prefix { $0 != ":" })-\(place.count)")
            #expect(try lab.succeed("config", "--platform", "linux/arm64", place).contains("arm64"))
        }
        try lab.succeed("copy", "--platform", "linux/arm64", "oci:layout:multi", "oci:one:m")
        #expect(try lab.succeed("config", "oci:one:m").contains("arm64"))
    }

    @Test func savesAndLoads() throws {
        try lab.succeed("pull", "oci:layout:v1", "--name", "example.org/x:1", "--keep-blobs")
        let id = try lab.succeed("list", "--quiet")
        try lab.succeed("tag", "example.org/x:1", "example.org/y:2")
        for format in ["docker-archive", "oci-archive"] {
            try lab.succeed("save", "--format", format, "--output", "\(format).tar", "example.org/x:1")
            try lab.succeed("remove", String(id.dropLast()))
            #expect(try lab.isStoreEmpty())
            try lab.succeed("load", "--input", "\(format).tar", "--keep-blobs")
            #expect(try lab.succeed("list", "--quiet") == id)
            let names = try lab.succeed("list")
            #expect(names.contains("example.org/x:1") && names.contains("example.org/y:2"), "\(format): \(names)")
        }
        let tags = try skopeo("list-tags", "docker-archive:docker-archive.tar")
        #expect(tags.contains("example.org/x:1") && tags.contains("example.org/y:2"))
    }

    /// An archive may come from anybody.
    @Test func archiveCannotReachOut() throws {
        func refusal(_ build: (inout TarBuilder) -> Void) throws -> String {
            var tar = TarBuilder()
            tar.add("oci-layout", content: Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
            build(&tar)
            try AtomicFile.write("\(lab.path)/evil.tar", tar.finished)
            let result = try lab.run("config", "oci-archive:evil.tar:v1")
            #expect(result.status == .exited(1))
            return result.errorText
        }
        // What is there outside is an image.
        let index = try refusal {
            $0.add("index.json", type: "2", link: "\(lab.path)/layout/index.json")
            $0.add("blobs", type: "2", link: "\(lab.path)/layout/blobs")
        }
        #expect(index.contains("no such file"), "\(index)")
        let blobs = try refusal {
            $0.add("index.json", content: (try? Syscall.readFile("\(lab.path)/layout/index.json")) ?? [])
            $0.add("blobs", type: "2", link: "../../../../../../../../../../../..\(lab.path)/layout/blobs")
        }
        #expect(blobs.contains("no such file"), "\(blobs)")
        // Nobody ever writes to it.
        let fifo = try refusal { $0.add("index.json", type: "6") }
        #expect(fifo.contains("it is a device or a fifo"), "\(fifo)")
    }

    @Test func imageOfAnArchiveHasAPlaceInIt() throws {
        try lab.succeed("copy", "oci:layout:v1", "docker-archive:a.tar:app:v1")
        #expect(try lab.succeed("config", "docker-archive:a.tar:@0") == lab.succeed("config", "oci:layout:v1"))
        for place in ["@1", "@-1"] {
            let result = try lab.run("config", "docker-archive:a.tar:\(place)")
            #expect(result.status == .exited(1))
            #expect(result.errorText.contains("it has no such image"), "\(result.errorText)")
        }
    }

    @Test func compressedArchiveIsRead() throws {
        try skopeo("copy", "oci:layout:v1", "docker-archive:a.tar:app:v1")
        try Command.run(["/bin/gzip", "\(lab.path)/a.tar"])
        try lab.succeed("unpack", "docker-archive:a.tar.gz:app:v1", "unpacked")
        #expect(try SkiffimgLab.snapshot("\(lab.path)/unpacked") == expected())
    }
}

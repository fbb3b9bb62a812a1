// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// What registries keep that is no image: sent there, fetched, looked at and mounted.
@Suite("skiffimg: artifacts", .requiresRoot)
struct SkiffimgArtifactTests {
    static let type = "application/vnd.example.model+json"
    let lab: SkiffimgLab

    init() throws {
        lab = try SkiffimgLab()
        try lab.layout.add(
            [
                .init(file: Array("weights".utf8), title: "model/weights.bin"),
                .init(file: Array("text".utf8), title: "README.md"),
            ], tag: "v1", configType: Self.type)
    }

    @Test func goesToARegistryAndComesBack() throws {
        let registry = try DocumentRegistry()
        let name = "\(registry.address)/models/small:v1"
        func run(_ words: String...) throws -> String {
            let result = try lab.run(words + ["--insecure-registry", registry.address])
            #expect(result.status == .exited(0), "\(words): \(result.errorText)")
            return result.outputText
        }
        _ = try run("push", "oci:layout:v1", name)
        #expect(try run("inspect", "docker://\(name)").contains("\"artifactType\" : \"\(Self.type)\""))
        _ = try run("unpack", "docker://\(name)", "files")
        #expect(try Syscall.readText("\(lab.path)/files/model/weights.bin") == "weights")
        let id = String(try run("pull", name).dropLast())
        #expect(try run("manifest", "docker://\(name)") == lab.succeed("manifest", name))
        #expect(try lab.succeed("list", "--json").contains("\"artifactType\" : \"\(Self.type)\""))
        let path = String(try lab.succeed("mount", "--sub-path", "model", name).dropLast())
        #expect(try Syscall.entries(path) == ["weights.bin"])
        try lab.succeed("umount", "--all")
        #expect(try lab.succeed("rm", id) == id + "\n")
        #expect(try lab.isStoreEmpty())
    }

    @Test func isNotWrittenToAnArchiveOfImages() throws {
        let result = try lab.run("copy", "oci:layout:v1", "docker-archive:new.tar:x")
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains("it takes images only"), "\(result.errorText)")
        #expect(!Syscall.exists("\(lab.path)/new.tar"))
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// What skiffimg sends to a registry, seen by skopeo.
@Suite("skiffimg: push", .requiresRoot)
struct SkiffimgPushTests {
    let lab: SkiffimgLab
    let registry: DocumentRegistry

    init() throws {
        lab = try SkiffimgLab()
        try lab.layout.add(SkiffimgLab.layers(), tag: "v1")
        registry = try DocumentRegistry()
    }

    private func run(_ words: String...) throws -> CommandOutput {
        try lab.run(words + ["--insecure-registry", registry.address])
    }

    private func raw(_ name: String) throws -> String {
        try Command.run([
            "/usr/bin/skopeo", "--insecure-policy", "inspect", "--tls-verify=false", "--raw",
            "docker://\(registry.address)/\(name)",
        ])
    }

    @Test func pushedImageIsTheSame() throws {
        let name = "\(registry.address)/team/app:v1"
        let pushed = try run("push", "oci:layout:v1", name)
        #expect(pushed.status == .exited(0), "\(pushed.errorText)")
        let manifest = try lab.succeed("manifest", "oci:layout:v1")
        #expect(try raw("team/app:v1") == manifest)
        // All blobs are there: another tool can read all of it.
        try Command.run([
            "/usr/bin/skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", "docker://\(name)",
            "oci:\(lab.path)/back:v1",
        ])
        // From the store to another name: what is not kept comes from where it was pulled.
        #expect(try run("pull", name).status == .exited(0))
        let other = try run("push", name, "docker://\(registry.address)/other/app:v2")
        #expect(other.status == .exited(0), "\(other.errorText)")
        #expect(try raw("other/app:v2") == manifest)
    }

    @Test func wholeIndexIsPushed() throws {
        let arm = try lab.layout.add(SkiffimgLab.layers(), tag: nil, architecture: "arm64")
        let amd = try lab.layout.add(SkiffimgLab.layers(), tag: nil)
        try lab.layout.addIndex([arm, amd], tag: "multi")
        let pushed = try run("push", "--all", "oci:layout:multi", "\(registry.address)/app:m")
        #expect(pushed.status == .exited(0), "\(pushed.errorText)")
        #expect(try raw("app:m") == lab.succeed("manifest", "--index", "oci:layout:multi"))
        #expect(try raw("app@\(arm.digest)").contains("arm64") == false)
        let pulled = try run("config", "--platform", "linux/arm64", "docker://\(registry.address)/app:m")
        #expect(pulled.outputText.contains("arm64"))
    }

    /// The name in the store says nothing of the tag in the registry.
    @Test func pulledUnderAnotherName() throws {
        let pushed = try run("push", "oci:layout:v1", "\(registry.address)/app:v1")
        #expect(pushed.status == .exited(0), "\(pushed.errorText)")
        let pulled = try run("pull", "--name", "localhost/own:other", "docker://\(registry.address)/app:v1")
        #expect(pulled.status == .exited(0), "\(pulled.errorText)")
        #expect(try lab.succeed("list").contains("localhost/own:other"))
    }

    @Test func keptBlobsArePushedWithoutTheirRegistry() throws {
        try lab.succeed("pull", "oci:layout:v1", "--name", "localhost/kept:1", "--keep-blobs")
        let pushed = try run("push", "localhost/kept:1", "docker://\(registry.address)/kept:1")
        #expect(pushed.status == .exited(0), "\(pushed.errorText)")
        #expect(try raw("kept:1") == lab.succeed("manifest", "oci:layout:v1"))
    }
}

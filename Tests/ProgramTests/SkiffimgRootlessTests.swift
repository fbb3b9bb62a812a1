// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// A store in a user namespace, where overlayfs keeps its marks in attributes that users may set.
@Suite("skiffimg: user namespaces", .requiresRoot)
struct SkiffimgRootlessTests {
    @Test func deletionsHideWhatIsBelow() throws {
        let lab = try SkiffimgLab()
        var base = TarBuilder()
        for name in ["gone", "opaque/old", "anew/old", "kept/old"] { base.add(name, content: [1]) }
        var top = TarBuilder()
        top.add(".wh.gone")
        top.add("opaque/", type: "5", mode: 0o755)
        top.add("opaque/.wh..wh..opq")
        top.add("opaque/new", content: [1])
        top.add(".wh.anew")
        top.add("anew/new", content: [1])
        top.add("kept/new", content: [1])
        try lab.layout.add([LayoutBuilder.Layer(base), LayoutBuilder.Layer(top)], tag: "v1")
        let (name, options) = (try SkiffimgLab.program(), lab.store.joined(separator: " "))
        let script = """
            set -e
            \(name) pull --quiet oci:layout:v1 --name example.org/x:1 \(options) >/dev/null
            cd "$(\(name) mount example.org/x:1 \(options))"
            find . -mindepth 1 | sort
            cd / && \(name) umount --all \(options) >/dev/null
            \(name) check \(options)
            """
        let plan = ChildPlan(
            "/usr/bin/unshare", ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", script],
            environment: ["PATH=/usr/bin:/bin"], workingDirectory: lab.path)
        let result = try CommandOutput.run(plan, timeoutMilliseconds: 120_000)
        #expect(result.status == .exited(0), "\(result.errorText)")
        let expected = ["./anew", "./anew/new", "./kept", "./kept/new", "./kept/old", "./opaque", "./opaque/new"]
        #expect(
            result.outputText.split(separator: "\n").map(String.init) == expected + ["2 layers and 2 documents checked"]
        )
    }
}

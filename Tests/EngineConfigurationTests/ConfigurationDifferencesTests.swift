// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import EngineConfiguration
import Testing

/// What a configuration that is read again changes, and what has to wait.
@Suite struct ConfigurationDifferencesTests {
    private func load(_ text: String) throws -> DaemonConfig { try DaemonConfig.load([("a.toml", text)]) }

    @Test func keysAreTold() throws {
        let old = try load("[runtime.handlers.crun]\n[runtime.handlers.runc]\nroot = \"/a\"")
        let new = try load(
            """
            log_level = "debug"
            [cni]
            timeout = "5m"
            [runtime.handlers.runc]
            root = "/b"
            [runtime.workloads.w]
            activation_annotation = "a"
            """)
        #expect(old.keysDiffering(from: old).isEmpty)
        let keys = [
            "log_level", "cni.timeout", "runtime.handlers.crun", "runtime.handlers.runc.root", "runtime.workloads.w",
        ]
        #expect(old.keysDiffering(from: new) == keys)
        #expect(new.keysDiffering(from: old) == keys)
    }

    /// A key, and whether a change of it counts at once.
    @Test(arguments: [
        ("log_level = \"debug\"", true), ("log_filter = \"a\"", true), ("[image]\npinned = [\"a\"]", true),
        ("[runtime]\ndefault = \"crun\"", true),
        ("[runtime]\napparmor_profile = \"mine\"", true), ("[runtime]\nseccomp_profile = \"/a\"", true),
        ("[runtime]\ncdi_spec_dirs = [\"/a\"]", true), ("[runtime.handlers.crun]\nroot = \"/a\"", true),
        ("[runtime.handlers.new]", true), ("[runtime.workloads.w]\nactivation_annotation = \"a\"", true),
        ("root = \"/a\"", false), ("[runtime]\ncgroup_driver = \"systemd\"", false),
        ("[runtime]\ncgroup_parent = \"/a\"", false), ("[runtime]\nmonitor = \"/a\"", false),
        ("[cni]\ntimeout = \"5m\"", false), ("[image]\npolicy = \"/a\"", false), ("[api]\nstream_port = 1", false),
        ("[metrics]\nprefix = \"a\"", false),
    ])
    func someCountAtOnce(text: String, isTaken: Bool) throws {
        let handlers = "[runtime.handlers.crun]\n"
        let old = try load(handlers)
        let new = try DaemonConfig.load([("a.toml", handlers), ("b.toml", text)])
        #expect(!old.keysDiffering(from: new).isEmpty)
        #expect((old.reloading(new) == new) == isTaken)
        #expect((old.reloading(new) == old) != isTaken)
    }

    @Test func workloadsAreFound() throws {
        let config = try load(
            """
            [runtime.handlers.skiffrun]
            allowed_annotations = ["one"]
            [runtime.workloads.b]
            activation_annotation = "first"
            [runtime.workloads.a]
            activation_annotation = "second"
            allowed_annotations = ["two"]
            cpu_shares = 2
            """
        ).runtime
        #expect(config.workload(of: ["third": ""]) == nil)
        #expect(config.workload(of: ["second": ""])?.cpuShares == 2)
        #expect(config.workload(of: ["second": "", "first": ""])?.activationAnnotation == "second")
        #expect(config.allowedAnnotations(ofHandler: "skiffrun", ["first": ""]) == ["one"])
        #expect(config.allowedAnnotations(ofHandler: "skiffrun", ["second": "x"]) == ["one", "two"])
    }
}

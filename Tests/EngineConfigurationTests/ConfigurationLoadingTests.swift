// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import EngineConfiguration
import Testing

@Suite struct ConfigurationLoadingTests {
    @Test func defaultsFollowFromRootAndRun() throws {
        let config = try DaemonConfig.load([("a.toml", "root = \"/tmp/x/root/\"\nrun = \"/tmp/x/run\"")])
        #expect(config.root == "/tmp/x/root")
        #expect(config.api.listen == "/tmp/x/run/skiffd.sock")
        #expect(config.cni.cacheDir == "/tmp/x/root/cni")
        #expect(config.runtime.handlers == ["skiffrun": .init(path: "skiffrun", root: "/tmp/x/run/runtime")])
        #expect(config.cni.binDirs == ["/usr/lib/cni", "/opt/cni/bin"])
    }

    @Test func laterFilesOverrideSingleKeys() throws {
        let config = try DaemonConfig.load([
            ("1.toml", "[cni]\nconf_dir = \"/a\"\nbin_dirs = [\"/b\", \"/c\"]\ntimeout = \"5m\""),
            ("2.toml", "[cni]\nbin_dirs = [\"/d\"]\n[runtime.handlers.crun]\npath = \"/usr/bin/crun\""),
            ("3.toml", "[runtime]\ndefault = \"crun\"\nhandlers.crun.root = \"/r\""),
        ])
        #expect(config.cni.confDir == "/a")
        #expect(config.cni.binDirs == ["/d"])
        #expect(config.cni.timeout == .seconds(300))
        #expect(config.runtime.handlers["crun"] == .init(path: "/usr/bin/crun", root: "/r"))
        #expect(config.runtime.defaultHandler == "crun")
        #expect(config.runtime.handlers["skiffrun"] != nil)
    }

    /// A handler takes what it lacks from the default one, in whatever file that is set.
    @Test func handlersInherit() throws {
        let config = try DaemonConfig.load([
            ("1.toml", "run = \"/r\"\n[runtime.handlers.high]\ninherit_default_runtime = true\nmin_memory = 1"),
            ("2.toml", "[runtime.handlers.own]\ninherit_default_runtime = true\nroot = \"/own\""),
            ("3.toml", "[runtime.handlers.own]\nenvironment = [\"A=1\"]\n[runtime.handlers.crun]\nmin_memory = 2"),
            ("4.toml", "[runtime]\ndefault = \"crun\"\nhandlers.crun.path = \"/usr/bin/crun\""),
            ("5.toml", "[runtime.handlers.crun]\ntype = \"oci\"\nenvironment = [\"B=2\"]"),
        ])
        let (high, own) = (config.runtime.options(ofHandler: "high"), config.runtime.options(ofHandler: "own"))
        #expect(high.path == "/usr/bin/crun" && high.root == "/r/runtime-crun" && high.environment == ["B=2"])
        #expect(high.minimumMemory == 1)
        #expect(own.path == "/usr/bin/crun" && own.root == "/own" && own.environment == ["A=1"])
        #expect(config.runtime.options(ofHandler: "skiffrun").path == "skiffrun")
    }

    @Test func programsForPlatforms() throws {
        let text = "[runtime.handlers.k]\nplatform_paths = [\"linux/arm64=/a//b\", \"linux/arm=/c\"]"
        let handler = try DaemonConfig.load([("a.toml", text)]).runtime.options(ofHandler: "k")
        #expect(handler.path(forPlatform: "linux", "arm64") == "/a/b")
        #expect(handler.path(forPlatform: "linux", "arm") == "/c")
        #expect(handler.path(forPlatform: "linux", "amd64") == nil)
    }

    @Test func valuesAreBroughtIntoNormalForm() throws {
        let text = """
            log_level = "debug"
            [api]
            listen = "unix:///tmp//x/./s.sock"
            [runtime]
            default_capabilities = ["kill", "CAP_CHOWN", "cap_kill"]
            pids_limit = 1_000
            """
        let config = try DaemonConfig.load([("a", text)])
        #expect(config.logLevel == .debug)
        #expect(config.api.listen == "/tmp/x/s.sock")
        #expect(config.runtime.defaultCapabilities == ["CAP_CHOWN", "CAP_KILL"])
        #expect(config.runtime.pidsLimit == 1000)
    }

    @Test func workloadsAndTheirFilesAddUp() throws {
        let config = try DaemonConfig.load([
            ("1.toml", "[runtime.workloads.w]\nactivation_annotation = \"a\"\ncpuset = \"0\""),
            ("2.toml", "[runtime.workloads.w]\ncpu_limit = 500"),
        ])
        let workload = config.runtime.workloads["w"]
        #expect(workload?.activationAnnotation == "a" && workload?.cpuset == "0" && workload?.cpuLimit == 500)
    }

    /// Text, line, key, and a part of the cause.
    static let badFiles: [(String, Int?, String?, String)] = [
        ("root = \"/a\"\nrun = ", 2, nil, ""),
        ("root = \"a\"\nroot = \"b\"", 2, nil, "root"),
        ("a\u{0}b", 1, nil, "NUL byte"),
        ("# x\nrooot = \"/a\"", 2, "rooot", "unknown key"),
        ("[cni]\n\nconf_dri = \"/a\"", 3, "cni.conf_dri", "unknown key"),
        ("[network]\nx = 1", 1, "network", "unknown key"),
        ("[runtime.handlers.crun]\npth = \"/a\"", 2, "runtime.handlers.crun.pth", "unknown key"),
        ("root = 3", 1, "root", "expected a string, found an integer"),
        ("[cni]\nbin_dirs = \"/a\"", 2, "cni.bin_dirs", "expected an array of strings, found a string"),
        ("[cni]\nbin_dirs = [\"/a\", 1]", 2, "cni.bin_dirs", "expected an array of strings, found an integer in it"),
        ("[runtime]\npids_limit = 1.5", 2, "runtime.pids_limit", "expected an integer, found a floating-point number"),
        ("[metrics]\nlisten = \"localhost:1\"", 2, "metrics.listen", "not an IP address"),
        ("[metrics]\nlisten = \"9090\"", 2, "metrics.listen", "neither a path nor of the form"),
        ("[metrics]\nlisten = \"::1:9537\"", 2, "metrics.listen", "must stand in brackets"),
        ("[metrics]\nlisten = \"[::1]:70000\"", 2, "metrics.listen", "not a port"),
        ("[metrics]\nprefix = \"a-b\"", 2, "metrics.prefix", "not the beginning of a metric's name"),
        ("[metrics]\nprefix = \"1a\"", 2, "metrics.prefix", "not the beginning of a metric's name"),
        ("[metrics]\npod_metrics = [\"cpu\", \"gpu\"]", 2, "metrics.pod_metrics", "\"gpu\" is no group of metrics"),
        ("cni = true", 1, "cni", "expected a table, found a boolean"),
        ("[runtime]\nhandlers = []", 2, "runtime.handlers", "expected a table, found an array"),
        (
            "[runtime.handlers]\ncrun = \"/usr/bin/crun\"", 2, "runtime.handlers.crun",
            "expected a table, found a string"
        ),
        ("[runtime.handlers.\"a/b\"]\npath = \"c\"", 1, "runtime.handlers.a/b", "not such a name"),
        (
            "[runtime.handlers.kata]\npath = \"/opt/kata/bin/containerd-shim-kata-v2\"", 2,
            "runtime.handlers.kata.path",
            "is a shim of containerd"
        ),
        (
            "[runtime.handlers.k]\nplatform_paths = [\"arm64=/a\"]", 2, "runtime.handlers.k.platform_paths",
            "not of the form"
        ),
        (
            "[runtime.handlers.k]\nplatform_paths = [\"a/b/c=/a\"]", 2, "runtime.handlers.k.platform_paths",
            "not of the form"
        ),
        ("[runtime.handlers.k]\nplatform_paths = [\"a/b=c\"]", 2, "runtime.handlers.k.platform_paths", "absolute path"),
        ("[runtime.handlers.k]\ntype = \"vm\"", 2, "runtime.handlers.k.type", "a shim of containerd, which is not"),
        ("[runtime.handlers.k]\ntype = \"pod\"", 2, "runtime.handlers.k.type", "conmon-rs, which is not supported"),
        ("[runtime.handlers.k]\ntype = \"x\"", 2, "runtime.handlers.k.type", "\"x\" is not \"oci\""),
        ("[runtime.workloads.w]\ncpu_shares = 1", 1, "runtime.workloads.w", "no \"activation_annotation\""),
        ("[runtime.workloads.w]\ncpu_shares = -1", 2, "runtime.workloads.w.cpu_shares", "negative"),
        ("[runtime.workloads.w]\nshares = 1", 2, "runtime.workloads.w.shares", "unknown key"),
        ("[runtime]\nimage_volumes = \"copy\"", 2, "runtime.image_volumes", "\"copy\" is none of \"mkdir\""),
        ("[api]\ntls_cipher_suites = [\"TLS_NULL\"]", 2, "api.tls_cipher_suites", "\"TLS_NULL\" is none of"),
        ("[api]\ntls_cipher_suites = \"TLS_NULL\"", 2, "api.tls_cipher_suites", "expected an array of strings"),
        ("log_filter = \"(\"", 1, "log_filter", "regular expression \"(\""),
        ("log_level = \"loud\"", 1, "log_level", "\"loud\" is none of"),
        ("root = \"var\"", 1, "root", "\"var\" is not an absolute path"),
        ("root = \"/a/../b\"", 1, "root", "contains \"..\""),
        ("root = \"/\"", 1, "root", "cannot be used"),
        ("[cni]\nbin_dirs = []", 2, "cni.bin_dirs", "the list is empty"),
        ("[cni]\ntimeout = \"5 minutes\"", 2, "cni.timeout", "is not a time"),
        ("[cni]\ntimeout = \"0s\"", 2, "cni.timeout", "longer than 0s"),
        ("[runtime]\npids_limit = -1", 2, "runtime.pids_limit", "negative"),
        (
            "[runtime]\ndefault_capabilities = [\"FLY\"]", 2, "runtime.default_capabilities",
            "unknown capability \"FLY\""
        ),
        ("[image]\nplatform = \"linux\"", 2, "image.platform", "not a platform"),
        ("[image]\ninsecure_registries = [\"http://x\"]", 2, "image.insecure_registries", "not a registry"),
        ("[api]\nlisten = \"/\(String(repeating: "x", count: 107))\"", 2, "api.listen", "longer than 107 bytes"),
        ("image.platform = 1", 1, "image.platform", "expected a string"),
        ("image = { platform = 1 }", 1, "image.platform", "expected a string"),
    ]

    @Test(arguments: badFiles)
    func badFilesAreRefused(_ text: String, _ line: Int?, _ key: String?, _ cause: String) {
        let error = #expect(throws: ConfigurationError.self) { try DaemonConfig.load([("/etc/x.toml", text)]) }
        #expect(error?.file == "/etc/x.toml")
        #expect(error?.line == line)
        #expect(error?.key == key)
        #expect(error?.cause.contains(cause) == true, "\(error?.cause ?? "")")
        #expect(error?.description.contains("\n") == false)
    }

    static let contradictions: [(String, String, String)] = [
        ("[runtime]\ndefault = \"runc\"", "runtime.default", "no handler \"runc\", only \"skiffrun\""),
        (
            "[runtime.handlers.skiffrun]\ninherit_default_runtime = true",
            "runtime.handlers.skiffrun.inherit_default_runtime", "it is the default handler itself"
        ),
        ("[api]\nstream_tls_key = \"/a\"", "api.stream_tls_cert", "needed with \"stream_tls_key\""),
        ("[metrics]\ntls_cert = \"/a\"", "metrics.tls_key", "needed with \"tls_cert\""),
        ("[metrics]\ntls_key = \"/a\"", "metrics.tls_cert", "needed with \"tls_key\""),
        ("root = \"/a\"\nrun = \"/a\"", "run", "\"/a\" is also \"root\""),
        ("run = \"/\(String(repeating: "x", count: 100))\"", "run", "longer than 107 bytes"),
    ]

    @Test(arguments: contradictions)
    func contradictionsAreRefused(_ text: String, _ key: String, _ cause: String) {
        let error = #expect(throws: ConfigurationError.self) { try DaemonConfig.load([("x.toml", text)]) }
        #expect(error?.key == key)
        #expect(error?.cause.contains(cause) == true, "\(error?.cause ?? "")")
    }

    @Test func oneLineNamesFileLineKeyAndCause() {
        let error = #expect(throws: ConfigurationError.self) {
            try DaemonConfig.load([("/etc/skiff/skiff.toml", "[cni]\nbin_dirs = \"/x\"")])
        }
        #expect(
            error?.description
                == "read configuration \"/etc/skiff/skiff.toml\", line 2: key \"cni.bin_dirs\": "
                + "expected an array of strings, found a string")
    }
}

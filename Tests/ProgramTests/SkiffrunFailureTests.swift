// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite("skiffrun: what cannot work", .requiresRoot)
struct SkiffrunFailureTests {
    /// A change of the configuration and the words that the error must hold.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var error: String
        var change: @Sendable (inout Configuration) -> Void
        var testDescription: String { name }

        init(_ name: String, _ error: String, _ change: @escaping @Sendable (inout Configuration) -> Void) {
            self.name = name
            self.error = error
            self.change = change
        }
    }

    static let cases: [Case] = [
        Case("missing executable", "exec: \"/nothere\": stat /nothere: no such file or directory") {
            $0["process.args"] = ["/nothere"]
        },
        Case("missing executable in PATH", "exec: \"nothere\": executable file not found in $PATH") {
            $0["process.args"] = ["nothere"]
        },
        Case("executable without permission", "exec: \"/etc/passwd\": permission denied") {
            $0["process.args"] = ["/etc/passwd"]
        },
        Case("directory as executable", "exec: \"/bin\": is a directory") { $0["process.args"] = ["/bin"] },
        Case("missing rootfs", "invalid rootfs: stat /nowhere: no such file or directory") {
            $0["root.path"] = "/nowhere"
        },
        Case("bad working directory", "chdir to cwd (\"/etc/passwd\") set in config.json failed: not a directory") {
            $0["process.cwd"] = "/etc/passwd"
        },
        Case("missing bind source", "bind mount \"/nowhere\": no such file or directory") {
            $0.addMount("/mnt", source: "/nowhere", ["bind"])
        },
        Case("unknown file system", "mount nosuchfs to \"/mnt\": no such device") {
            $0.addMount("/mnt", type: "nosuchfs", source: "none", [])
        },
        Case("mount over proc", "\"/proc/self\" cannot be mounted because it is inside /proc") {
            $0.addMount("/proc/self", source: "/tmp", ["bind"])
        },
        Case("missing namespace", "open network namespace \"/nowhere\": no such file or directory") {
            $0.setNamespace("network", path: "/nowhere")
        },
        Case("namespace of another kind", "join network namespace \"/proc/self/ns/uts\": invalid argument") {
            $0.setNamespace("network", path: "/proc/self/ns/uts")
        },
        Case("unknown namespace", "linux.namespaces") { $0.append("linux.namespaces", ["type": "moon"]) },
        Case("namespace twice", "malformed spec file: duplicated ns \"pid\"") {
            $0.append("linux.namespaces", ["type": "pid"])
        },
        Case("wrong type", "process.args") { $0["process.args"] = "sh" },
        Case("no arguments", "args must not be empty") { $0["process.args"] = [String]() },
        Case("unknown capability", "CAP_MOON") { $0.setCapabilities(["CAP_MOON"]) },
        Case("unknown limit", "RLIMIT_MOON") {
            $0["process.rlimits"] = [["type": "RLIMIT_MOON", "soft": 1, "hard": 1]]
        },
        Case("sysctl of the host", "sysctl \"kernel.panic\" is not in a separate kernel namespace") {
            $0["linux.sysctl"] = ["kernel.panic": "1"]
        },
        Case("sysctl of a shared namespace", "is not allowed in the host network namespace") {
            $0.setNamespace("network", path: nil, remove: true)
            $0["linux.sysctl"] = ["net.ipv4.ip_forward": "1"]
        },
        Case("hostname of the host", "unable to set hostname without a private UTS namespace") {
            $0.setNamespace("uts", path: nil, remove: true)
        },
        Case("terminal without a socket", "cannot allocate tty if the runtime will detach without setting console") {
            $0["process.terminal"] = true
        },
        Case("unsupported property", "intelRdt is specified in config, but Intel RDT is not supported or enabled") {
            $0["linux.intelRdt"] = ["closID": "x"]
        },
        Case("cgroup path that climbs", "leads out of the hierarchy") { $0["linux.cgroupsPath"] = "/../../x" },
        Case("low oom score", "oomScoreAdj -2000 is out of range") { $0["process.oomScoreAdj"] = -2000 },
        Case("symbolic link in the place of proc", "filesystem \"proc\" must be mounted on ordinary directory") {
            $0.addMount("/link", type: "proc", source: "proc", [])
        },
    ]

    @Test(arguments: cases)
    func createFailsAndLeavesNothing(_ wrong: Case) throws {
        let bundle = try SkiffrunBundle()
        try Syscall.makeSymlink("tmp", "\(bundle.rootfs)/link")
        try bundle.configure(["true"], wrong.change)
        let result = try bundle.run("create", "c")
        #expect(result.status == .exited(1))
        #expect(result.errorText.hasPrefix("skiffrun create failed: "))
        #expect(result.errorText.contains(wrong.error), "\(result.errorText)")
        #expect(result.errorText.linesList.count == 1)
        bundle.expectNothingLeft("\(wrong.name)")
    }

    @Test func invalidJSON() throws {
        let bundle = try SkiffrunBundle()
        try AtomicFile.write("\(bundle.path)/config.json", "{\"ociVersion\": ")
        let result = try bundle.run("create", "c")
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains("not valid JSON"))
        bundle.expectNothingLeft()
    }

    @Test func missingConfiguration() throws {
        let bundle = try SkiffrunBundle()
        let result = try bundle.run("run", "c")
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains("JSON specification file \(bundle.path)/config.json not found"))
    }

    @Test func scoreThatIsNotPermittedIsAnError() throws {
        let bundle = try SkiffrunBundle()
        // Lower than the caller's own, which needs CAP_SYS_RESOURCE (24).
        let line = try Syscall.readText("/proc/self/status").linesList.first { $0.hasPrefix("CapEff:") }
        let effective = UInt64(line?.split(separator: "\t").last ?? "0", radix: 16) ?? 0
        try bundle.configure(script: "cat /proc/self/oom_score_adj") { $0["process.oomScoreAdj"] = -999 }
        let result = try bundle.run("run", "c")
        if effective & (1 << 24) != 0 {
            #expect(result.outputText == "-999\n")
        } else {
            #expect(result.errorText.contains("set oom_score_adj to -999: permission denied"))
        }
        bundle.expectNothingLeft()
    }

    @Test func wrongCommandLines() throws {
        let bundle = try SkiffrunBundle()
        for arguments in [["nosuch"], ["create"], ["--moon"], ["state", "--moon", "c"], ["kill", "c", "9", "more"]] {
            #expect(try bundle.run(arguments).status == .exited(1), "\(arguments)")
        }
        #expect(try bundle.run("exec", "c").status == .exited(255))
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import MonitorProtocol
import TestSupport
import Testing

/// A process that comes into a container is on the host before. A neighbour in the container that may trace everybody in
/// its PID namespace must not find in any of them a way to the host: a root directory, an open file, a socket whose other
/// end is a process of the host, or rights that it has not itself.
@Suite("skiffrun: neighbours that spy", .requiresRoot)
struct SkiffrunNeighbourTests {
    private static let capabilities = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]

    /// Looks at everybody, again and again, and writes down what nobody there may have.
    private func spy(for treasure: String) -> String {
        """
        while read -r key value; do [ "$key" = CapPrm: ] && own=$value; done </proc/self/status
        : >/tmp/seen
        while [ ! -e /tmp/end ]; do
            for p in /proc/[0-9]*; do
                [ -e $p/root\(treasure) ] && echo "root of $p" >>/tmp/seen
                for f in $p/fd/*; do
                    [ -S $f ] && echo "socket $f" >>/tmp/seen
                    [ -e $f\(treasure) ] && echo "directory $f" >>/tmp/seen
                    [ -e $f/1/root\(treasure) ] && echo "procfs $f" >>/tmp/seen
                done
                # Rights in a user namespace of one's own are none on the host.
                [ $p/ns/user -ef /proc/self/ns/user ] && while read -r key value; do
                    [ "$key" = CapPrm: ] && [ "$value" != $own ] && [ "$value" != 0000000000000000 ] &&
                        echo "rights of $p: $value" >>/tmp/seen
                done 2>/dev/null <$p/status
            done
        done
        echo end >>/tmp/seen
        """
    }

    /// A container with the neighbour, which looks around already; returns its pid.
    private func startSpy(_ bundle: SkiffrunBundle) throws -> Int {
        try AtomicFile.write("\(bundle.scratch)/treasure", "")
        try bundle.configure(script: spy(for: "\(bundle.scratch)/treasure")) { $0.setCapabilities(Self.capabilities) }
        for command in ["create", "start"] {
            let result = try bundle.run(command, "c")
            try #require(result.status.isSuccess, "\(result.errorText)")
        }
        try eventually("spy is there") { Syscall.exists("\(bundle.rootfs)/tmp/seen") }
        return try #require(try bundle.state()["pid"] as? Int)
    }

    private func expectNothingSeen(_ rootfs: String) throws {
        try AtomicFile.write("\(rootfs)/tmp/end", "")
        try eventually("spy ends") { try Syscall.readText("\(rootfs)/tmp/seen").hasSuffix("end\n") }
        let seen = Set(try Syscall.readText("\(rootfs)/tmp/seen").linesList.map(Self.kind))
        #expect(seen == ["end"], "\(seen.sorted())")
    }

    /// The sentence without numbers of processes.
    private static func kind(_ line: String) -> String { String(line.filter { !$0.isNumber }) }

    @Test(arguments: [true, false]) func processThatIsExecuted(noNewPrivileges: Bool) throws {
        let bundle = try SkiffrunBundle()
        _ = try startSpy(bundle)
        let process = "\(bundle.scratch)/process.json"
        try AtomicFile.write(
            process,
            """
            {"args": ["true"], "cwd": "/", "env": ["PATH=/bin"], "noNewPrivileges": \(noNewPrivileges)}
            """)
        for _ in 0..<40 {
            let result = try bundle.run("exec", "--process", process, "c")
            #expect(result.status.isSuccess, "\(result.errorText)")
        }
        try expectNothingSeen(bundle.rootfs)
    }

    @Test func containerThatJoins() throws {
        let bundle = try SkiffrunBundle()
        let pid = try startSpy(bundle)
        try bundle.configure(["true"], id: "joins") {
            $0.setNamespace("pid", path: "/proc/\(pid)/ns/pid")
            $0.setCapabilities(Self.capabilities)
        }
        for _ in 0..<20 {
            let result = try bundle.run("run", "joins")
            #expect(result.status.isSuccess, "\(result.errorText)")
        }
        try expectNothingSeen(bundle.rootfs)
    }

    /// A created container stays before its start as long as somebody likes.
    @Test func containerThatWaits() throws {
        let bundle = try SkiffrunBundle()
        let pid = try startSpy(bundle)
        try bundle.configure(["true"], id: "waits") {
            $0.setNamespace("pid", path: "/proc/\(pid)/ns/pid")
            $0.setCapabilities(Self.capabilities)
        }
        let result = try bundle.run("create", "waits")
        #expect(result.status.isSuccess, "\(result.errorText)")
        let waiting = try #require(try bundle.state("waits")["pid"] as? Int)
        #expect(try Syscall.readLink("/proc/\(waiting)/ns/pid") == Syscall.readLink("/proc/\(pid)/ns/pid"))
        #expect(try Syscall.status("/proc/\(waiting)/root").inode == Syscall.status(bundle.rootfs).inode)
        try bundle.run("start", "waits")
        try expectNothingSeen(bundle.rootfs)
    }

    /// What a procfs shows is not the PID namespace of the process that mounts it.
    @Test func procOfAContainerThatJoins() throws {
        let bundle = try SkiffrunBundle()
        let pid = try bundle.startSleeper()
        try bundle.configure(script: "echo $$; ls -d /proc/[0-9]*; readlink /proc/self", id: "joins") {
            $0.setNamespace("pid", path: "/proc/\(pid)/ns/pid")
        }
        let result = try bundle.run("run", "joins")
        let lines = result.outputText.linesList
        let own = try #require(lines.first, "\(result.errorText)")
        #expect(lines.contains("/proc/1") && lines.contains("/proc/\(own)"), "\(lines)")
        #expect(lines.count <= 6, "\(lines)")
    }

    /// With a shared PID namespace the pod's own first process is a neighbour too.
    @Test(arguments: ["net,ipc,uts", "net,ipc,uts,pid"]) func processThatAMonitorExecutes(shared: String) throws {
        let pod = try SkiffmonPod(new: shared, runtime: SkiffmonPod.ownRuntime)
        let client = try pod.connectAndAdopt()
        try AtomicFile.write("\(pod.path)/treasure", "")
        try pod.start(
            "c", script: spy(for: "\(pod.path)/treasure"), capabilities: Self.capabilities, over: client,
            sharing: shared.split(separator: ",").map(String.init))
        let rootfs = pod.file("c", "rootfs")
        try eventually("spy is there") { Syscall.exists("\(rootfs)/tmp/seen") }
        let null = try Syscall.open("/dev/null", .readWrite)
        for round in 0..<40 {
            let entry = ContainerEntry(root: "\(pod.path)/runtime", id: pod.id("c"), arguments: ["/bin/true"])
            let request = ExecRequest(container: "c", execID: "e\(round)", way: .entry(entry))
            let number = try client.send(.exec(request), [null.rawValue, null.rawValue])
            let started = try client.answer(to: number)
            guard case .execStarted = started else { throw SkiffmonPod.Unexpected(reply: started) }
            #expect(try client.answer(to: number) == .execExited(ExecExit(code: 0)))
        }
        try expectNothingSeen(rootfs)
    }
}

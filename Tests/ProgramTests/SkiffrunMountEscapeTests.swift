// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import Synchronization
import TestSupport
import Testing

/// Images and volumes that want a mount, a node or a write to go elsewhere. Each test fails without its defence.
@Suite("skiffrun: escapes by way of mounts", .requiresRoot)
struct SkiffrunMountEscapeTests {
    /// CVE-2021-30465, CVE-2024-45310: a process exchanges a directory of a shared volume and a link to the host while
    /// containers mount below it. Nothing may be made or mounted on the host.
    @Test func exchangedLinksLeadNowhere() throws {
        let bundle = try SkiffrunBundle()
        let outside = "\(bundle.scratch)/outside"
        let volume = "\(bundle.scratch)/volume"
        for path in [outside, "\(volume)/dir/target"] { try Syscall.makeDirectories(path) }
        // A mount that lands here would spread to the host's own view, where it can be seen.
        try Syscall.mount(source: "tmpfs", target: outside, type: "tmpfs")
        defer { try? Syscall.unmountAll(outside) }
        try Syscall.mount(target: outside, flags: .shared)
        try Syscall.makeDirectory("\(outside)/target")
        try Syscall.makeSymlink(outside, "\(volume)/link")
        try bundle.configure(["true"]) {
            $0["linux.rootfsPropagation"] = "rshared"
            $0.addMount("/vol", source: volume, ["bind"])
            for round in 0..<10 {
                $0.addMount("/vol/dir/target", type: "tmpfs", source: "tmpfs", [])
                $0.addMount("/vol/dir/target", type: "tmpfs", source: "tmpfs", ["ro"])
                $0.addMount("/vol/dir/target", source: "\(bundle.rootfs)/etc", ["bind"])
                $0.addMount("/vol/dir/new\(round)/deep", type: "tmpfs", source: "tmpfs", [])
                $0.addMount("/vol/dir/file\(round)", source: "\(bundle.rootfs)/etc/passwd", ["bind"])
            }
        }
        let swapper = Swapper("\(volume)/dir", "\(volume)/link")
        defer { swapper.stop() }
        for _ in 0..<10 {
            // A mount point that vanishes between two steps is an error, and a right one.
            _ = try bundle.run("run", "c")
            #expect(try Syscall.entries(outside) == ["target"])
            let mounts = try MountInfo.read().map(\.mountPoint).filter { $0.hasPrefix(outside) }
            try #require(mounts == [outside])
        }
    }

    /// CVE-2019-16884, CVE-2019-19921: a volume over /proc, by name or by a link, would catch what is written there.
    @Test(arguments: ["/proc", "proc/.", "/evil", "/evil/sys/kernel/shmmni", "/climb"])
    func volumesDoNotCoverProc(_ destination: String) throws {
        let bundle = try SkiffrunBundle()
        try Syscall.makeSymlink("/proc", "\(bundle.rootfs)/evil")
        try Syscall.makeSymlink("../../../proc", "\(bundle.rootfs)/climb")
        let isFile = destination.hasSuffix("shmmni")
        let fake = "\(bundle.scratch)/fake"
        if isFile { try AtomicFile.write(fake, "fake") } else { try Syscall.makeDirectory(fake) }
        let refused = isFile ? "because it is inside /proc" : "because it is not of type proc"
        try bundle.configure(["true"]) { $0.addMount(destination, source: fake, ["bind"]) }
        #expect(try bundle.run("run", "c").errorText.contains(refused))
        guard !isFile else { return }
        // Before there is a procfs as well.
        try bundle.configure(["true"]) {
            let mount: [String: Any] = [
                "destination": destination, "type": "bind", "source": fake, "options": ["bind"],
            ]
            $0["mounts"] = [mount] + ($0["mounts"] as? [Any] ?? [])
        }
        #expect(try bundle.run("run", "c").errorText.contains(refused))
        try bundle.configure(["true"]) { $0.addMount(destination, type: "tmpfs", source: "tmpfs", []) }
        #expect(try bundle.run("run", "c").errorText.contains(refused))
        bundle.expectNothingLeft()
    }

    /// CVE-2023-27561: with /proc or /sys as a link, the real one would be elsewhere, and a fake in its place.
    @Test(arguments: [("proc", "proc"), ("sys", "sysfs")])
    func procAndSysAreNoLinks(_ name: String, _ type: String) throws {
        let bundle = try SkiffrunBundle()
        try Syscall.makeDirectories("\(bundle.rootfs)/tmp/elsewhere")
        try Syscall.removeDirectory("\(bundle.rootfs)/\(name)")
        for target in ["/tmp/elsewhere", "/not/there"] {
            try Syscall.makeSymlink(target, "\(bundle.rootfs)/\(name)")
            try bundle.configure(["true"])
            let message = "filesystem \"\(type)\" must be mounted on ordinary directory"
            #expect(try bundle.run("run", "c").errorText.contains(message))
            try Syscall.removeFile("\(bundle.rootfs)/\(name)")
        }
        #expect(!Syscall.exists("\(bundle.rootfs)/not"))
        bundle.expectNothingLeft()
    }

    /// A /dev that the container brings along: a volume, with what is in it.
    private func ownDevices(_ bundle: SkiffrunBundle, _ links: [String: String]) throws -> [[String: Any]] {
        let directory = "\(bundle.scratch)/dev"
        try Syscall.makeDirectories("\(directory)/pts")
        for (name, target) in links { try Syscall.makeSymlink(target, "\(directory)/\(name)") }
        return [
            ["destination": "/proc", "type": "proc", "source": "proc"],
            ["destination": "/dev", "type": "bind", "source": directory, "options": ["bind"]],
            [
                "destination": "/dev/pts", "type": "devpts", "source": "devpts",
                "options": ["newinstance", "ptmxmode=0666"],
            ],
        ]
    }

    /// CVE-2025-31133: masks are made of the null device, and the container's /dev/null may be a link to anything.
    @Test func masksAreOfTheRealNullDevice() throws {
        let bundle = try SkiffrunBundle()
        try AtomicFile.write("\(bundle.rootfs)/attack", "attack")
        let mounts = try ownDevices(bundle, ["null": "/attack"])
        let text = try bundle.output("stat -c '%t:%T' /proc/version /etc/passwd; cat /etc/passwd") {
            $0["mounts"] = mounts
            $0["linux.maskedPaths"] = ["/proc/version", "/etc/passwd"]
        }
        #expect(text == "1:3\n1:3\n")
    }

    /// CVE-2025-52565: the terminal is mounted on /dev/console, which may be a link to anything.
    @Test func consoleIsNotRedirected() throws {
        let bundle = try SkiffrunBundle()
        try AtomicFile.write("\(bundle.rootfs)/attack", "attack")
        let mounts = try ownDevices(bundle, ["console": "/attack", "ptmx": "pts/ptmx"])
        try bundle.configure(script: "cat /attack; tty") {
            $0["mounts"] = mounts
            $0["process.terminal"] = true
        }
        let text = try bundle.run("run", "c").errorText
        #expect(text.contains("mount terminal to \"/dev/console\": too many levels of symbolic links"), "\(text)")
        bundle.expectNothingLeft()
        try Syscall.removeFile("\(bundle.scratch)/dev/console")
        #expect(try bundle.run("run", "c").outputText.contains("attack/dev/pts/0"))
        #expect(try Syscall.status("\(bundle.scratch)/dev/console").kind == .regular)
    }

    /// CVE-2025-52881: a file of /proc with something else mounted over it, be it another file of procfs, is not
    /// written: the write would do something that nobody asked for.
    @Test(arguments: ["/proc/sys/kernel/hostname", "$FAKE"])
    func redirectedFilesOfProcAreNotWritten(_ other: String) throws {
        let bundle = try SkiffrunBundle()
        let fake = "\(bundle.scratch)/fake"
        try AtomicFile.write(fake, "fake")
        try bundle.configure(script: "cat /proc/sys/kernel/domainname") {
            $0["linux.sysctl"] = ["kernel.domainname": "own"]
        }
        #expect(try bundle.run("run", "c").outputText == "own\n")
        let unshare = try #require(ChildPlan.find("unshare", path: "/bin:/usr/bin"))
        let script =
            "mount --bind \(other) /proc/sys/kernel/domainname && exec \(Program.skiffrun) --root \(bundle.root) run c"
        let plan = ChildPlan(
            unshare, ["unshare", "--mount", "sh", "-c", script],
            environment: ["PATH=/sbin:/bin:/usr/sbin:/usr/bin", "FAKE=\(fake)"], workingDirectory: bundle.path)
        let result = try CommandOutput.run(plan, timeoutMilliseconds: 120_000)
        // A procfs of its own is not affected, the host's is refused.
        let isRefused = result.errorText.contains("\"/proc/sys/kernel/domainname\": invalid cross-device link")
        #expect(result.outputText == "own\n" || isRefused, "\(result.errorText)")
        #expect(try Syscall.readText(fake) == "fake")
        bundle.expectNothingLeft()
    }

    /// CVE-2026-41579: an image whose /dev is a link to the host gets its devices inside.
    @Test(arguments: [true, false], [true, false])
    func devMayBeALink(_ hasMount: Bool, _ climbs: Bool) throws {
        let bundle = try SkiffrunBundle()
        let outside = "\(bundle.scratch)/outside"
        try Syscall.makeDirectory(outside)
        try Syscall.removeDirectory("\(bundle.rootfs)/dev")
        try Syscall.makeSymlink(climbs ? "../../../../../..\(outside)" : outside, "\(bundle.rootfs)/dev")
        let text = try bundle.output("stat -c '%t:%T' /dev/null; readlink /dev/fd; ls -d \(outside)") {
            guard !hasMount else { return }
            $0["mounts"] = ($0["mounts"] as? [[String: Any]] ?? []).filter {
                !($0["destination"] as? String ?? "").hasPrefix("/dev")
            }
        }
        #expect(text == "1:3\n/proc/self/fd\n\(outside)\n")
        #expect(try Syscall.entries(outside).isEmpty)
    }
}

/// Exchanges two paths again and again, as fast as one thread can.
private final class Swapper: Sendable {
    private let isStopped = Atomic<Bool>(false)
    private let ended = DispatchSemaphore(value: 0)

    init(_ first: String, _ second: String) {
        let thread = Thread { [self] in
            while !isStopped.load(ordering: .relaxed) {
                // RENAME_EXCHANGE of renameat2(2).
                try? Syscall.rename(first, second, flags: 2)
            }
            ended.signal()
        }
        thread.start()
    }

    func stop() {
        isStopped.store(true, ordering: .relaxed)
        ended.wait()
    }
}

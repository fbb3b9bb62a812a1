// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite("skiffrun: root filesystem, mounts, devices", .requiresRoot)
struct SkiffrunMountTests {
    @Test func maskedPathsShowNothing() throws {
        let bundle = try SkiffrunBundle()
        try AtomicFile.write("\(bundle.rootfs)/secret", "secret")
        try Syscall.makeDirectories("\(bundle.rootfs)/secrets/below")
        try Syscall.makeDirectories("\(bundle.rootfs)/more/below")
        let script = "cat /secret | wc -c; ls /secrets /more | grep below; touch /secrets/x 2>&1; stat -c %F /secret"
        let text = try bundle.output(script) {
            $0["linux.maskedPaths"] = ["/secret", "/secrets", "/more", "/missing"]
        }
        #expect(text.linesList.first?.trimmed == "0")
        #expect(!text.contains("below"))
        #expect(text.contains("Read-only file system"))
        #expect(text.linesList.last == "character special file")
    }

    /// A link in the image must not lead the mask to another place.
    @Test func maskedPathsStayInside() throws {
        let bundle = try SkiffrunBundle()
        let outside = "\(bundle.scratch)/outside"
        try AtomicFile.write(outside, "host")
        try Syscall.makeSymlink(outside, "\(bundle.rootfs)/link")
        _ = try bundle.output("true") { $0["linux.maskedPaths"] = ["/link"] }
        #expect(try Syscall.readText(outside) == "host")
    }

    @Test func readOnlyPathsCannotBeWritten() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("touch /tmp/x 2>&1; echo 1 > /proc/sys/kernel/shmmni; true") {
            $0["linux.readonlyPaths"] = ["/tmp", "/proc/sys", "/missing"]
        }
        #expect(text.contains("Read-only file system"))
        #expect(try bundle.run("run", "d").errorText.contains("Read-only file system"))
    }

    @Test func readOnlyRoot() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("touch /x 2>&1; touch /dev/x && echo written") { $0["root.readonly"] = true }
        #expect(text.contains("Read-only file system"))
        #expect(text.contains("written"))
    }

    @Test func rootIsNothingButTheRootfs() throws {
        let bundle = try SkiffrunBundle()
        for option in [[], ["--no-pivot"]] {
            try bundle.configure(script: "ls /; cat /proc/1/comm; ls /proc/1/root/")
            let result = try bundle.run(["run"] + option + ["c"])
            #expect(result.status.isSuccess, "\(result.errorText)")
            #expect(!result.outputText.contains("usr"))
            #expect(result.outputText.contains("sh\n"))
        }
    }

    @Test func bindMountsWithOptions() throws {
        let bundle = try SkiffrunBundle()
        let source = "\(bundle.scratch)/source"
        try Syscall.makeDirectory(source)
        try AtomicFile.write("\(source)/file", "content")
        let text = try bundle.output("cat /mnt/a/file /file; touch /mnt/a/x 2>&1; grep /mnt/a /proc/self/mounts") {
            $0.addMount("/mnt/a", source: source, ["rbind", "ro", "nosuid", "nodev", "noexec", "rprivate"])
            $0.addMount("/file", source: "\(source)/file", ["bind"])
        }
        #expect(text.hasPrefix("contentcontent"))
        #expect(text.contains("Read-only file system"))
        #expect(text.contains("ro,nosuid,nodev,noexec"))
        #expect(!Syscall.exists("\(source)/x"))
    }

    @Test func recursiveReadOnlyReachesMountsBelow() throws {
        let bundle = try SkiffrunBundle()
        let source = "\(bundle.scratch)/source"
        try Syscall.makeDirectories("\(source)/below")
        try Syscall.mount(source: "tmpfs", target: "\(source)/below", type: "tmpfs")
        defer { try? Syscall.unmountAll("\(source)/below") }
        let script = "touch /mnt/below/x 2>&1 && echo written"
        let once = try bundle.output(script) { $0.addMount("/mnt", source: source, ["rbind", "ro"]) }
        #expect(once.contains("written"))
        try bundle.configure(script: script) { $0.addMount("/mnt", source: source, ["rbind", "rro"]) }
        #expect(try bundle.run("run", "c").outputText.contains("Read-only file system"))
    }

    @Test func tmpfsWithAndWithoutTheContentBelow() throws {
        let bundle = try SkiffrunBundle()
        try AtomicFile.write("\(bundle.rootfs)/mnt/file", "kept", mode: 0o640)
        let text = try bundle.output("cat /mnt/file; stat -c %a /mnt/file; touch /mnt/x 2>&1; ls /tmp | wc -l") {
            $0.addMount("/mnt", type: "tmpfs", source: "tmpfs", ["tmpcopyup", "ro"])
            $0.addMount("/tmp", type: "tmpfs", source: "tmpfs", ["size=1m"])
        }
        #expect(text.linesList.first == "kept640")
        #expect(text.contains("Read-only file system"))
        #expect(text.linesList.last?.trimmed == "0")
    }

    /// Links in the image are followed inside of it, whatever they say.
    @Test func mountPointsStayInside() throws {
        let bundle = try SkiffrunBundle()
        let outside = "\(bundle.scratch)/outside"
        try Syscall.makeDirectory(outside)
        try Syscall.makeSymlink("/../../../../../../..\(outside)", "\(bundle.rootfs)/climb")
        try Syscall.makeDirectories("\(bundle.rootfs)\(outside)")
        let text = try bundle.output("touch /climb/new; ls \(outside)") {
            $0.addMount("/climb/inside", type: "tmpfs", source: "tmpfs", [])
        }
        #expect(text.contains("inside"))
        #expect(try Syscall.entries(outside).isEmpty)
    }

    @Test func mountsOfTheContainerDoNotReachTheHost() throws {
        let bundle = try SkiffrunBundle()
        for propagation in [nil, "rshared", "rslave", "rprivate"] {
            _ = try bundle.output("true") {
                $0["linux.rootfsPropagation"] = propagation
                $0.addMount("/mnt", type: "tmpfs", source: "tmpfs", [])
            }
            bundle.expectNothingLeft("\(propagation ?? "default")")
        }
    }

    @Test func defaultDevicesAndLinks() throws {
        let bundle = try SkiffrunBundle()
        let script = """
            for d in null zero full random urandom tty; do stat -c '%n %t:%T %a' /dev/$d; done
            for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done
            echo x >/dev/null
            """
        let expected = [
            "/dev/null 1:3 666", "/dev/zero 1:5 666", "/dev/full 1:7 666", "/dev/random 1:8 666",
            "/dev/urandom 1:9 666", "/dev/tty 5:0 666", "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1",
            "/proc/self/fd/2", "pts/ptmx",
        ]
        #expect(try bundle.output(script).linesList == expected)
    }

    @Test func devicesOfTheConfiguration() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("stat -c '%t:%T %a %u:%g %F' /dev/fuse /dev/deep/fifo") {
            $0["linux.devices"] = [
                [
                    "type": "c", "path": "/dev/fuse", "major": 10, "minor": 229, "fileMode": 0o640, "uid": 7, "gid": 8,
                ], ["type": "p", "path": "/dev/deep/fifo", "fileMode": 0o600],
            ]
        }
        #expect(text == "a:e5 640 7:8 character special file\n0:0 600 0:0 fifo\n")
    }

    @Test func cgroupsAreSeenInside() throws {
        let bundle = try SkiffrunBundle()
        let file = HostCgroups.isUnified ? "/sys/fs/cgroup/pids.max" : "/sys/fs/cgroup/pids/pids.max"
        let text = try bundle.output("cat \(file); cat /proc/self/cgroup | grep -v ':/$'; true") {
            $0["linux.resources.pids"] = ["limit": 77]
        }
        #expect(text == "77\n")
        // Without a namespace of its own the container sees its place in the host's tree.
        try bundle.configure(script: "cat /proc/self/cgroup") {
            $0.setNamespace("cgroup", path: nil, remove: true)
        }
        #expect(try bundle.run("run", "c").outputText.contains("\(bundle.cgroup)/c"))
    }
}

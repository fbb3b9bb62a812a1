// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite("skiffrun: propagation, cgroups, devices and masks in the root filesystem", .requiresRoot)
struct SkiffrunRootfsTests {
    @Test(
        arguments: [
            (nil, false, false), ("private", false, false), ("rprivate", false, false), ("slave", false, false),
            ("rslave", false, false), ("shared", true, false), ("rshared", true, false), ("unbindable", false, true),
            ("runbindable", false, true),
        ] as [(String?, Bool, Bool)])
    func propagationOfTheRoot(_ name: String?, _ isShared: Bool, _ isUnbindable: Bool) throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("cat /proc/self/mountinfo") { $0["linux.rootfsPropagation"] = name }
        let root = try #require(MountInfo.parse(text).first { $0.mountPoint == "/" })
        #expect(root.propagation.contains { $0.hasPrefix("shared:") } == isShared)
        #expect(root.propagation.contains("unbindable") == isUnbindable)
        bundle.expectNothingLeft()
    }

    @Test(arguments: ["private", "rslave", "shared", "rshared", "unbindable"])
    func propagationOfAMount(_ name: String) throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("cat /proc/self/mountinfo") {
            $0.addMount("/mnt", source: bundle.scratch, ["rbind", name])
            $0.addMount("/tmp", type: "tmpfs", source: "tmpfs", [name])
        }
        for mount in MountInfo.parse(text).filter({ ["/mnt", "/tmp"].contains($0.mountPoint) }) {
            #expect(mount.propagation.contains { $0.hasPrefix("shared:") } == name.hasSuffix("shared"))
            #expect(mount.propagation.contains("unbindable") == (name == "unbindable"))
        }
    }

    /// With and without a namespace, read-only or not: the container's own cgroup, and writable only as asked. v2 without
    /// a namespace is the host's whole tree, as with runc and crun, which is not for a test to write to.
    @Test(arguments: [true, false], ["ro", "rw"])
    func cgroupMount(_ hasNamespace: Bool, _ option: String) throws {
        if HostCgroups.isUnified, !hasNamespace { return try cgroupMountOfTheHost() }
        let bundle = try SkiffrunBundle()
        let directory = HostCgroups.isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids"
        let text = try bundle.output(
            "mkdir \(directory)/sub 2>&1 && echo made; cat \(directory)/pids.max; ls -d /sys/fs/cgroup/cpu*; touch /sys/fs/cgroup/x 2>&1; true"
        ) {
            if !hasNamespace { $0.setNamespace("cgroup", path: nil, remove: true) }
            $0["linux.resources.pids"] = ["limit": 78]
            var mounts = ($0["mounts"] as? [[String: Any]] ?? []).filter {
                $0["destination"] as? String != "/sys/fs/cgroup"
            }
            mounts.append([
                "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
                "options": ["nosuid", "noexec", "nodev", option],
            ])
            $0["mounts"] = mounts
        }
        #expect(text.linesList.contains("78"))
        #expect(text.linesList.contains("made") == (option == "rw"), "\(text)")
        if !HostCgroups.isUnified { #expect(text.contains("/sys/fs/cgroup/cpu\n")) }
        #expect(text.contains("Read-only file system") == (option == "ro"), "\(text)")
    }

    private func cgroupMountOfTheHost() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("ls /sys/fs/cgroup/cgroup.stat; touch /sys/fs/cgroup/x 2>&1; true") {
            $0.setNamespace("cgroup", path: nil, remove: true)
        }
        #expect(text.contains("/sys/fs/cgroup/cgroup.stat\n") && text.contains("Read-only file system"), "\(text)")
    }

    /// The mode and owner are those of the configuration, whatever the caller's mask and the image have.
    @Test func devicesAreExact() throws {
        let bundle = try SkiffrunBundle()
        for mask in ["umask 077", "umask 0"] {
            try bundle.configure(script: "stat -c '%t:%T %a %u:%g' /dev/x /dev/null /disk /fifo /sticky") {
                $0["linux.devices"] = [
                    ["type": "c", "path": "/dev/x", "major": 10, "minor": 229, "fileMode": 0o666],
                    ["type": "b", "path": "/disk", "major": 7, "minor": 300, "fileMode": 0o060, "uid": 4, "gid": 5],
                    ["type": "p", "path": "/fifo", "fileMode": 0o622],
                    ["type": "u", "path": "/sticky", "major": 1, "minor": 3, "fileMode": 0o2640, "gid": 5],
                ]
            }
            let result = try bundle.run(after: mask, ["run", "c"])
            let expected = ["a:e5 666 0:0", "1:3 666 0:0", "7:12c 60 4:5", "0:0 622 0:0", "1:3 2640 0:5"]
            #expect(result.outputText.linesList == expected, "\(result.errorText)")
            // The second container finds the nodes of the first in its image.
            try Syscall.changeMode("\(bundle.rootfs)/disk", 0o777)
            try Syscall.changeOwner("\(bundle.rootfs)/fifo", uid: 9, gid: 9)
        }
    }

    @Test(arguments: [
        (
            ["type": "p", "path": "/x", "major": 1, "minor": 0] as [String: any Sendable],
            "a fifo has no major and minor number"
        ),
        (
            ["type": "c", "path": "/etc/passwd", "major": 1, "minor": 3],
            "create device node \"/etc/passwd\": file exists"
        ),
    ])
    func devicesThatCannotBe(_ device: [String: any Sendable], _ message: String) throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0["linux.devices"] = [device] }
        #expect(try bundle.run("run", "c").errorText.contains(message))
        bundle.expectNothingLeft()
    }

    /// Nobody may make nodes in a user namespace: the host's are shown.
    @Test func devicesOfAUserNamespace() throws {
        let bundle = try SkiffrunBundle()
        try Syscall.changeMode(bundle.scratch, 0o711)
        for directory in ["", "/dev", "/proc", "/sys", "/tmp"] {
            try Syscall.changeOwner("\(bundle.rootfs)\(directory)", uid: 100_000, gid: 100_000)
        }
        let script = "stat -c '%t:%T %F' /dev/null; stat -c '%F %a' /dev/fifo; echo x > /dev/null"
        let text = try bundle.output(script) {
            $0.isolateUsers()
            $0["linux.devices"] = [
                ["type": "c", "path": "/dev/zero", "major": 1, "minor": 5],
                ["type": "p", "path": "/dev/fifo", "fileMode": 0o604],
            ]
        }
        #expect(text.contains("1:3 character special file"))
        #expect(text.contains("fifo 604"))
    }

    /// All masked directories show one and the same empty file system.
    @Test func masksShareOneMount() throws {
        let bundle = try SkiffrunBundle()
        let names = (0..<20).map { "/masked\($0)" }
        for name in names { try Syscall.makeDirectories("\(bundle.rootfs)\(name)/below") }
        let text = try bundle.output("cat /proc/self/mountinfo") { $0["linux.maskedPaths"] = names }
        let covers = MountInfo.parse(text).filter { $0.mountPoint.hasPrefix("/masked") }
        #expect(covers.count == 20)
        #expect(Set(covers.map(\.device)).count == 1)
        #expect(covers.allSatisfy { $0.options.contains("ro") && $0.superOptions.contains("ro") })
    }

    /// What covers files is the machine's null device: it can be used, and not changed.
    @Test func masksOfFilesAreReadOnlyMounts() throws {
        let bundle = try SkiffrunBundle()
        let names = ["/masked1", "/masked2", "/masked3"]
        for name in names { try AtomicFile.write("\(bundle.rootfs)\(name)", "secret") }
        let script = "for i in 1 2 3; do cat /masked$i; echo x >/masked$i || exit 1; done; cat /proc/self/mountinfo"
        let text = try bundle.output(script) { $0["linux.maskedPaths"] = names }
        #expect(!text.contains("secret"))
        let covers = MountInfo.parse(text).filter { $0.mountPoint.hasPrefix("/masked") }
        #expect(covers.count == 3)
        #expect(covers.allSatisfy { $0.options.contains("ro") })
    }
}

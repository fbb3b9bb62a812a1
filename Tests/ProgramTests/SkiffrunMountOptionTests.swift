// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite("skiffrun: mount options, ID mappings", .requiresRoot)
struct SkiffrunMountOptionTests {
    /// A bundle and a tmpfs of the host's with another one below it, to be mounted with its tree.
    final class Trees {
        let bundle: SkiffrunBundle
        let source: String

        init(_ flags: MountFlags = []) throws {
            bundle = try SkiffrunBundle()
            source = "\(bundle.scratch)/source"
            try Syscall.makeDirectory(source)
            try Syscall.mount(source: "tmpfs", target: source, type: "tmpfs", flags: flags)
            try Syscall.mount(target: source, flags: .private)
            try Syscall.makeDirectory("\(source)/below")
            try Syscall.mount(source: "tmpfs", target: "\(source)/below", type: "tmpfs", flags: flags)
            try AtomicFile.write("\(source)/file", "x")
            try AtomicFile.write("\(source)/below/file", "x")
        }

        deinit {
            try? Syscall.unmountAll("\(source)/below")
            try? Syscall.unmountAll(source)
        }

        /// Options of the two mounts as the container has them.
        func options(_ options: [String]) throws -> (top: [String], below: [String]) {
            let text = try bundle.output("cat /proc/self/mountinfo") { $0.addMount("/mnt", source: source, options) }
            let mounts = MountInfo.parse(text)
            let top = try #require(mounts.first { $0.mountPoint == "/mnt" })
            let below = try #require(mounts.first { $0.mountPoint == "/mnt/below" })
            return (top.options, below.options)
        }
    }

    @Test(arguments: [
        ("rro", "ro"), ("rnosuid", "nosuid"), ("rnodev", "nodev"), ("rnoexec", "noexec"),
        ("rnodiratime", "nodiratime"), ("rnoatime", "noatime"), ("rnosymfollow", "nosymfollow"),
        ("rrelatime", "relatime"), ("rnostrictatime", "relatime"),
    ])
    func recursiveOptionsReachTheWholeTree(_ option: String, _ shown: String) throws {
        let result = try Trees().options(["rbind", option])
        #expect(result.top.contains(shown))
        #expect(result.below.contains(shown))
    }

    @Test(arguments: [
        ("rsuid", "nosuid"), ("rdev", "nodev"), ("rexec", "noexec"), ("rdiratime", "nodiratime"),
        ("ratime", "noatime"), ("rstrictatime", "noatime"), ("rnorelatime", "relatime"),
    ])
    func recursiveOptionsTakeAttributesAway(_ option: String, _ shown: String) throws {
        let trees = try Trees([.noSUID, .noDevices, .noExec, .noDirectoryAccessTime, .noAccessTime])
        let before = try trees.options(["rbind"])
        let after = try trees.options(["rbind", option])
        #expect(before.below.contains(shown) || option == "rnorelatime")
        #expect(!after.top.contains(shown))
        #expect(!after.below.contains(shown))
    }

    /// `ro` is of the top alone, and what is not named stays as it is at the source.
    @Test func plainOptionsAreOfTheTop() throws {
        let trees = try Trees([.noSUID, .noExec])
        let result = try trees.options(["rbind", "ro", "exec", "rprivate"])
        #expect(result.top.prefix(2) == ["ro", "nosuid"])
        #expect(!result.top.contains("noexec"))
        #expect(result.below.first == "rw")
        #expect(result.below.contains("noexec"))
        let rw = try trees.options(["rbind", "rro", "rrw"])
        #expect(rw.below.first == "rw")
    }

    @Test func remountChangesWhatIsThere() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("grep -E ' /(mnt|tmp) ' /proc/self/mountinfo; touch /tmp/x 2>&1; true") {
            $0.addMount("/mnt", source: bundle.scratch, ["bind", "nosuid"])
            $0.addMount("/mnt", source: bundle.scratch, ["bind", "remount", "noexec"])
            $0.addMount("/tmp", type: "tmpfs", source: "tmpfs", [])
            $0.addMount("/tmp", type: "tmpfs", source: "tmpfs", ["remount", "ro"])
        }
        #expect(text.contains("nosuid,noexec"))
        #expect(text.contains("Read-only file system"))
    }

    static let refusals: [(String, String, [String], String)] = [
        (
            "tmpfs", "tmpfs", ["what=ever"],
            "mount tmpfs to \"/mnt\" with option \"what=ever\": tmpfs: Unknown parameter 'what'"
        ),
        ("tmpfs", "tmpfs", ["size=much"], "mount tmpfs to \"/mnt\" with option \"size=much\""),
        ("bind", "/", ["what"], "mount \"/mnt\": unknown option \"what\" of a bind mount"),
        ("nosuchfs", "x", [], "mount nosuchfs to \"/mnt\": no such device (unknown filesystem type)"),
        ("bind", "/not/there", [], "bind mount \"/not/there\": no such file or directory"),
        ("proc", "proc", ["tmpcopyup"], "mount \"/mnt\": tmpcopyup is for tmpfs only"),
        ("bind", "/", ["idmap"], "mount \"/mnt\": idmap without mappings needs a user namespace of the container"),
        ("tmpfs", "tmpfs", ["idmap=uids=0-1-2;gids=0-1-2"], "mount \"/mnt\": an ID mapping is for bind mounts only"),
        ("bind", "/", ["idmap=uids=0-1"], "mount \"/mnt\": invalid option \"idmap=uids=0-1\""),
        ("bind", "/proc", ["idmap=uids=0-1-2;gids=0-1-2"], "failed to set MOUNT_ATTR_IDMAP on /proc: invalid argument"),
    ]

    @Test(arguments: refusals)
    func whatCannotBeDoneIsTold(_ type: String, _ source: String, _ options: [String], _ message: String) throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0.addMount("/mnt", type: type, source: source, options) }
        let result = try bundle.run("run", "c")
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains(message), "\(result.errorText)")
        bundle.expectNothingLeft()
    }

    @Test func tmpfsTakesItsOptions() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.output("stat -c '%a %u:%g' /mnt; grep ' /mnt ' /proc/self/mountinfo") {
            $0.addMount("/mnt", type: "tmpfs", source: "mine", ["size=1m", "mode=1700", "uid=7", "gid=8", "rnoexec"])
        }
        #expect(text.hasPrefix("1700 7:8\n"))
        #expect(text.contains("noexec"))
        #expect(text.contains("tmpfs mine rw,size=1024k"))
    }

    /// The mode of the directory below, unless there was none.
    @Test func tmpfsAtANewPlaceIsForEverybody() throws {
        let bundle = try SkiffrunBundle()
        try Syscall.makeDirectories("\(bundle.rootfs)/old")
        try Syscall.changeMode("\(bundle.rootfs)/old", 0o750)
        let text = try bundle.output("stat -c '%n %a' /old /new /deep/new") {
            for path in ["/old", "/new", "/deep/new"] { $0.addMount(path, type: "tmpfs", source: "tmpfs", []) }
        }
        #expect(text.linesList == ["/old 750", "/new 1777", "/deep/new 1777"])
    }

    @Test func copyKeepsOwnersModesTimesAndAttributes() throws {
        let bundle = try SkiffrunBundle()
        let below = "\(bundle.rootfs)/mnt"
        try Syscall.makeDirectories("\(below)/dir/deep")
        try AtomicFile.write("\(below)/dir/file", "kept", mode: 0o640)
        try Syscall.changeOwner("\(below)/dir/file", uid: 5, gid: 6)
        try Syscall.changeMode("\(below)/dir/file", 0o4755)
        try Syscall.makeSymlink("/no/where", "\(below)/link")
        try Syscall.makeNode("\(below)/fifo", mode: 0o010600, device: DeviceNumber(major: 0, minor: 0))
        try Syscall.changeOwner(below, uid: 3, gid: 4)
        try Syscall.changeMode(below, 0o2771)
        try Syscall.setAttribute("\(below)/dir/file", "trusted.mark", Array("set".utf8))
        try Syscall.setTimes("\(below)/dir/file", modified: Timestamp(seconds: 1_000_000, nanoseconds: 0))
        let script =
            "cd /mnt; stat -c '%n %a %u:%g %F' . dir/file link fifo dir/deep; stat -c %Y dir/file; cat dir/file"
        let pid = try bundle.startSleeper { $0.addMount("/mnt", type: "tmpfs", source: "tmpfs", ["tmpcopyup"]) }
        let text = try bundle.run("exec", "c", "sh", "-c", script).outputText
        let expected = [
            ". 2771 3:4 directory", "dir/file 4755 5:6 regular file", "link 777 0:0 symbolic link",
            "fifo 600 0:0 fifo", "dir/deep 755 0:0 directory", "1000000", "kept",
        ]
        #expect(text.linesList == expected)
        let value = try Syscall.attribute("/proc/\(pid)/root/mnt/dir/file", "trusted.mark")
        #expect(String(decoding: value, as: UTF8.self) == "set")
    }

    /// Files of 1000 on the file system are shown as those of 70000, and 70000 writes as 1000.
    @Test(.idMapsTemporaryFiles) func ownMappingOfAMount() throws {
        let trees = try Trees()
        try Syscall.changeOwner("\(trees.source)/file", uid: 1000, gid: 1001)
        try Syscall.changeOwner("\(trees.source)/below/file", uid: 1000, gid: 1001)
        let map: [[String: Any]] = [["containerID": 1000, "hostID": 70000, "size": 10]]
        for (option, below) in [("idmap", "1000:1001"), ("ridmap", "70000:70001")] {
            let text = try trees.bundle.output("stat -c '%u:%g' /mnt/file /mnt/below/file") {
                $0.append(
                    "mounts",
                    [
                        "destination": "/mnt", "type": "bind", "source": trees.source, "uidMappings": map,
                        "gidMappings": map, "options": ["rbind", option],
                    ] as [String: Any])
            }
            #expect(text.linesList == ["70000:70001", below])
        }
        let text = try trees.bundle.output("stat -c '%u:%g' /mnt/file") {
            $0.addMount("/mnt", source: trees.source, ["bind", "idmap=uids=1000-5-1;gids=1001-6-1"])
        }
        #expect(text == "5:6\n")
    }

    /// With `idmap` alone the container's own mapping: what belongs to root on the file system belongs to its root.
    @Test(.idMapsTemporaryFiles) func mappingOfTheContainer() throws {
        let trees = try Trees()
        let bundle = trees.bundle
        try Syscall.changeMode(bundle.scratch, 0o711)
        try Syscall.changeOwner("\(trees.source)/below/file", uid: 12, gid: 13)
        let script = "stat -c '%u:%g' /mnt/file /mnt/below/file; touch /mnt/new 2>&1"
        let plain = try bundle.output("stat -c '%u:%g' /mnt/file") {
            $0.isolateUsers()
            $0.addMount("/mnt", source: trees.source, ["rbind"])
        }
        #expect(plain == "65534:65534\n")
        for option in ["ridmap", "ridmap=uids=@0-0-100;gids=@0-0-100"] {
            let mapped = try bundle.output(script) {
                $0.isolateUsers()
                $0.addMount("/mnt", source: trees.source, ["rbind", option])
            }
            #expect(mapped == "0:0\n12:13\n")
            #expect(try Syscall.status("\(trees.source)/new").uid == 0)
            try Syscall.removeFile("\(trees.source)/new")
        }
    }

    /// Flags of the host's mounts are locked in a user namespace: they stay unless the configuration takes them away,
    /// and that is an error.
    @Test func lockedFlagsStay() throws {
        let bundle = try SkiffrunBundle()
        try Syscall.changeMode(bundle.scratch, 0o711)
        let below = "\(bundle.rootfs)/tmp"
        let flags: MountFlags = [.noSUID, .noDevices, .noExec, .noAccessTime]
        try Syscall.mount(source: "tmpfs", target: below, type: "tmpfs", flags: flags)
        defer { try? Syscall.unmountAll(below) }
        func mount(_ options: [String]) -> (inout Configuration) -> Void {
            { configuration in
                configuration.isolateUsers()
                configuration.addMount("/mnt", source: below, options)
            }
        }
        let text = try bundle.output("grep ' /mnt ' /proc/self/mountinfo", mount(["bind", "ro"]))
        #expect(text.contains("ro,nosuid,nodev,noexec,noatime"))
        for option in ["exec", "rsuid", "atime"] {
            try bundle.configure(["true"], mount(["bind", option]))
            #expect(try bundle.run("run", "c").errorText.contains("flags of the source are locked"), "\(option)")
        }
    }

    @Test func featuresTellOfMounts() throws {
        let text = try SkiffrunBundle().run("features").outputText
        for name in ["rro", "ridmap", "tmpcopyup", "copy-symlink", "src-nofollow", "dest-nofollow", "lazytime"] {
            #expect(text.contains("\"\(name)\""))
        }
    }
}

extension Configuration {
    /// A user namespace in which root is 100000.
    mutating func isolateUsers() {
        let map: [[String: Any]] = [["containerID": 0, "hostID": 100_000, "size": 65536]]
        setNamespace("user", path: nil)
        self["linux.uidMappings"] = map
        self["linux.gidMappings"] = map
    }
}

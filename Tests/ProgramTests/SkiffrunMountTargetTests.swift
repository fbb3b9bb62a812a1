// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite("skiffrun: sources and targets of mounts", .requiresRoot)
struct SkiffrunMountTargetTests {
    /// A bundle with a directory and a file to mount.
    private func prepare() throws -> (bundle: SkiffrunBundle, source: String) {
        let bundle = try SkiffrunBundle()
        let source = "\(bundle.path)/source"
        try Syscall.makeDirectory(source)
        try AtomicFile.write("\(source)/file", "content")
        return (bundle, source)
    }

    /// What a dangling link points to is made, inside the rootfs.
    @Test func danglingLinksAreFollowedInside() throws {
        let (bundle, source) = try prepare()
        let outside = "\(bundle.scratch)/outside"
        try Syscall.makeSymlink("\(outside)/dir", "\(bundle.rootfs)/dir")
        try Syscall.makeSymlink("../../../..\(outside)/file", "\(bundle.rootfs)/tmp/file")
        try Syscall.makeSymlink("loop", "\(bundle.rootfs)/loop")
        let text = try bundle.output("cat \(outside)/dir/file /dir/file \(outside)/file /tmp/file") {
            $0.addMount("/dir", source: source, ["bind"])
            $0.addMount("/tmp/file", source: "\(source)/file", ["bind"])
        }
        #expect(text == "contentcontentcontentcontent")
        #expect(!Syscall.exists(outside))
        try bundle.configure(["true"]) { $0.addMount("/loop", source: source, ["bind"]) }
        let error = "create mount point \"/loop\": too many levels of symbolic links"
        #expect(try bundle.run("run", "c").errorText.contains(error))
    }

    @Test func sourcesAreOfTheBundleAndInOrder() throws {
        let (bundle, source) = try prepare()
        let text = try bundle.output("cat /a/file; cat /b/file; cat /relative; ls -A /c") {
            $0.addMount("/a", source: "source", ["bind"])
            // The rootfs has nothing there: only the mount before makes this source.
            $0.addMount("/b", source: "rootfs/a", ["bind"])
            $0.addMount("relative", source: "source/file", ["bind"])
            $0.addMount("/c", type: "tmpfs", source: "tmpfs", [])
        }
        #expect(text == "contentcontentcontent", "\(source)")
    }

    @Test func kindsOfSourceAndTargetMustAgree() throws {
        let (bundle, source) = try prepare()
        try bundle.configure(["true"]) { $0.addMount("/etc/passwd", source: source, ["bind"]) }
        let text = try bundle.run("run", "c").errorText
        #expect(text.contains("to \"/etc/passwd\": not a directory"), "\(text)")
        bundle.expectNothingLeft()
    }

    @Test func linksThemselvesAsSourceAndTarget() throws {
        let (bundle, source) = try prepare()
        try Syscall.makeSymlink("file", "\(source)/link")
        try Syscall.makeSymlink("/etc/passwd", "\(bundle.rootfs)/target")
        let text = try bundle.output(
            "readlink /copy; readlink /etc/copy; readlink /target; cat /over; head -n 1 /etc/passwd"
        ) {
            $0.addMount("/copy", source: "\(source)/link", ["bind", "copy-symlink"])
            $0.addMount("/etc/copy", source: "\(source)/link", ["bind", "copy-symlink"])
            $0.addMount("/target", source: "\(source)/link", ["bind", "src-nofollow", "dest-nofollow"])
            $0.addMount("/over", source: "\(source)/file", ["bind", "copy-symlink", "dest-nofollow"])
        }
        #expect(text == "file\nfile\nfile\ncontentroot:x:0:0:root:/root:/bin/sh\n")
        #expect(try Syscall.readLink("\(bundle.rootfs)/target") == "/etc/passwd")
        // A second time the links are there already, another one is an error.
        try bundle.configure(["true"]) { $0.addMount("/copy", source: "\(source)/link", ["bind", "copy-symlink"]) }
        #expect(try bundle.run("run", "c").status.isSuccess)
        try bundle.configure(["true"]) { $0.addMount("/bin/sh", source: "\(source)/link", ["bind", "copy-symlink"]) }
        #expect(try bundle.run("run", "c").errorText.contains("to \"/bin/sh\": file exists"))
    }

    /// Directories made below a directory with the bit belong to its group, and hand the bit on.
    @Test func directoriesInheritTheGroup() throws {
        let (bundle, source) = try prepare()
        try Syscall.changeOwner("\(bundle.rootfs)/mnt", uid: 0, gid: 9)
        try Syscall.changeMode("\(bundle.rootfs)/mnt", 0o2755)
        for mask in ["umask 077", "umask 0"] {
            try bundle.configure(["true"]) { $0.addMount("/mnt/a/b", source: source, ["bind"]) }
            #expect(try bundle.run(after: mask, ["run", "c"]).status.isSuccess)
            for path in ["a", "a/b"] {
                let status = try Syscall.status("\(bundle.rootfs)/mnt/\(path)")
                #expect(status.permissions == 0o2755)
                #expect(status.gid == 9)
            }
            try Syscall.removeDirectory("\(bundle.rootfs)/mnt/a/b")
            try Syscall.removeDirectory("\(bundle.rootfs)/mnt/a")
        }
    }

    /// Only what programs like lxcfs emulate may be mounted in /proc.
    @Test func filesOfProc() throws {
        let (bundle, source) = try prepare()
        let text = try bundle.output("cat /proc/uptime /proc/sys/kernel/ns_last_pid") {
            $0.addMount("/proc/uptime", source: "\(source)/file", ["bind"])
            $0.addMount("/proc/sys/kernel/ns_last_pid", source: "\(source)/file", ["bind"])
        }
        #expect(text == "contentcontent")
        for destination in ["/proc/version", "/proc/sys", "/proc/self/attr/exec", "/proc/thread-self/environ"] {
            let isDirectory = destination == "/proc/sys"
            try bundle.configure(["true"]) {
                $0.addMount(destination, source: isDirectory ? source : "\(source)/file", ["bind"])
            }
            let text = try bundle.run("run", "c").errorText
            #expect(text.contains("\"\(destination)\" cannot be mounted because it is inside /proc"), "\(text)")
        }
        bundle.expectNothingLeft()
    }

    @Test func procOfTheHostMayBeShown() throws {
        let (bundle, _) = try prepare()
        let text = try bundle.output("ls /proc/self/ns/pid; cat /proc/1/comm") {
            $0.setNamespace("pid", path: nil, remove: true)
            $0["mounts"] = [
                ["destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"]]
            ]
        }
        #expect(text.contains("/proc/self/ns/pid"))
    }
}

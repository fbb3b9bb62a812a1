// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

@Suite("skiffrun: mounts of running containers", .requiresRoot)
struct SkiffrunLiveMountTests {
    private func write(_ mounts: [[String: Any]], _ bundle: SkiffrunBundle) throws -> String {
        let file = "\(bundle.scratch)/mounts.json"
        try AtomicFile.write(file, Array(try JSONSerialization.data(withJSONObject: mounts)))
        return file
    }

    /// A directory of the host's that a user namespace's root may not enter, and what is mounted of it.
    private func mounts(_ bundle: SkiffrunBundle) throws -> [[String: Any]] {
        let source = "\(bundle.scratch)/closed/source"
        try Syscall.makeDirectories(source)
        try Syscall.changeMode("\(bundle.scratch)/closed", 0o700)
        try AtomicFile.write("\(source)/file", "content")
        return [
            ["destination": "/new/dir", "type": "bind", "source": source, "options": ["rbind", "ro", "nosuid"]],
            ["destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m", "mode=0711", "ro"]],
            ["destination": "/mnt/file", "type": "bind", "source": "\(source)/file", "options": ["bind"]],
        ]
    }

    @Test(arguments: [false, true])
    func comeAndGo(_ hasUsers: Bool) throws {
        let bundle = try SkiffrunBundle()
        try Syscall.changeMode(bundle.scratch, 0o711)
        for directory in ["", "/mnt"] {
            try Syscall.changeOwner("\(bundle.rootfs)\(directory)", uid: 100_000, gid: 100_000)
        }
        try Syscall.changeMode(bundle.rootfs, 0o777)
        _ = try bundle.startSleeper { if hasUsers { $0.isolateUsers() } }
        let file = try write(Array(try mounts(bundle).prefix(2)), bundle)
        expect(try bundle.run("mounts", "add", "c", file), 0, "")
        let script =
            "cat /new/dir/file; touch /new/dir/x 2>&1; stat -c %a /mnt; touch /mnt/x 2>&1; grep -c -E ' (/new/dir|/mnt) ' /proc/self/mountinfo"
        let text = try bundle.run("exec", "c", "sh", "-c", script).outputText
        #expect(text.hasPrefix("content"))
        #expect(text.components(separatedBy: "Read-only file system").count == 3, "\(text)")
        #expect(text.contains("711\n"))
        #expect(text.linesList.last == "2")
        expect(try bundle.run("mounts", "remove", "c", file), 0, "")
        let after = try bundle.run(
            "exec", "c", "sh", "-c", "ls /new/dir; grep -c -E ' (/new/dir|/mnt) ' /proc/self/mountinfo")
        #expect(after.outputText == "0\n")
        let again = try bundle.run("mounts", "remove", "c", file)
        #expect(again.errorText == "unmount \"/mnt\": nothing is mounted there\n")
        #expect(try Syscall.entries("\(bundle.scratch)/closed/source") == ["file"])
    }

    /// All or nothing, and nothing where the rules for mounts forbid it.
    @Test func whatCannotBeAdded() throws {
        let bundle = try SkiffrunBundle()
        let good = try mounts(bundle)
        let outside = "\(bundle.scratch)/outside"
        try Syscall.makeDirectory(outside)
        try Syscall.makeSymlink("/proc", "\(bundle.rootfs)/evil")
        try Syscall.makeSymlink("../../..\(outside)", "\(bundle.rootfs)/climb")
        _ = try bundle.startSleeper()
        func expectFailure(_ mount: [String: Any], _ message: String) throws {
            let file = try write([good[0], mount], bundle)
            let result = try bundle.run("mounts", "add", "c", file)
            #expect(result.status == .exited(1))
            #expect(result.errorText.contains(message), "\(result.errorText)")
            let left = try bundle.run("exec", "c", "grep", "-c", "/new/dir", "/proc/self/mountinfo")
            #expect(left.outputText == "0\n")
        }
        let source = "\(bundle.scratch)/closed/source"
        try expectFailure(["destination": "/x", "type": "bind", "source": "/nowhere"], "\"/nowhere\": no such file")
        for place in ["/proc", "/evil"] {
            try expectFailure(["destination": place, "type": "bind", "source": source], "it is not of type proc")
        }
        for place in ["/proc/sys", "/evil/sys"] {
            try expectFailure(["destination": place, "type": "bind", "source": source], "it is inside /proc")
        }
        try expectFailure(["destination": "/x", "type": "tmpfs", "options": ["what"]], "Unknown parameter 'what'")
        try expectFailure(["destination": "/x", "type": "cgroup"], "cgroup in a running container is not supported")
        expect(
            try bundle.run("mounts", "add", "c", try write([["destination": "/climb/in", "type": "tmpfs"]], bundle)), 0,
            "")
        #expect(try Syscall.entries(outside).isEmpty)
        try AtomicFile.write("\(bundle.scratch)/text", "{}")
        #expect(try bundle.run("mounts", "add", "c", "\(bundle.scratch)/text").errorText.contains("/text\": "))
        #expect(try bundle.run("mounts", "swap", "c", "x").errorText.contains("takes add or remove, not \"swap\""))
        #expect(try bundle.run("mounts", "add", "nobody", "x").errorText == "container does not exist\n")
        #expect(try bundle.run("kill", "c", "KILL").status.isSuccess)
        try eventually("container stops") { try bundle.status() == "stopped" }
        #expect(try bundle.run("mounts", "add", "c", "x").errorText == "container not running\n")
    }
}

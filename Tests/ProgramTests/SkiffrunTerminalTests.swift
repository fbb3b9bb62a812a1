// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

/// The runtime in the foreground on a terminal, as somebody at a keyboard has it.
@Suite("skiffrun: terminal in the foreground", .requiresRoot)
struct SkiffrunTerminalTests {
    /// A terminal of the host with the runtime on it.
    private struct Seat: ~Copyable {
        let pty: Pty
        let peer: OwnedFD
        var shown = ""

        init(rows: UInt16, columns: UInt16) throws {
            let pty = try Pty(adopting: try Syscall.open("/dev/ptmx", [.readWrite, .noControllingTerminal]))
            let peer = try pty.openPeer()
            try Terminal.setWindowSize(peer.rawValue, WindowSize(rows: rows, columns: columns))
            self.pty = pty
            self.peer = peer
        }

        func start(_ bundle: SkiffrunBundle, _ arguments: [String]) throws -> ChildProcess {
            var plan = ChildPlan(
                Program.skiffrun, ["skiffrun", "--root", bundle.root] + arguments, environment: ["PATH=/bin:/usr/bin"],
                workingDirectory: bundle.path)
            plan.descriptors = [peer.rawValue, peer.rawValue, peer.rawValue]
            return try ChildProcess(plan)
        }

        /// What stty(1) says of the host's terminal.
        func settings(_ bundle: SkiffrunBundle) throws -> String {
            let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
            let file = "\(bundle.scratch)/settings"
            var plan = ChildPlan(busybox, ["busybox", "sh", "-c", "exec busybox stty -a >\(file)"])
            plan.environment = ["PATH=/bin:/usr/bin"]
            plan.descriptors = [peer.rawValue, nil, peer.rawValue]
            #expect(try ChildProcess(plan).wait().isSuccess)
            return try Syscall.readText(file)
        }

        mutating func waitFor(_ text: String) throws {
            let deadline = KernelClock.monotonic + 60_000_000_000
            while !shown.contains(text) {
                try #require(KernelClock.monotonic < deadline, "\"\(text)\" never came: \(shown)")
                let ready = try Syscall.poll(pty.master.rawValue, for: .readable, milliseconds: 100)
                if ready.contains(.readable) {
                    shown += String(decoding: try pty.master.read(upTo: 4096), as: UTF8.self)
                }
            }
        }
    }

    @Test func sizeRawModeAndRestoration() throws {
        let bundle = try SkiffrunBundle()
        // A shell that has looked for signals and is about to read sees the next one only after the read.
        let script = "trap 'stty size' WINCH; stty size; while :; do read -t 1 x && [ $x = end ] && exit 5; done"
        try bundle.configure(script: script) { $0["process.terminal"] = true }
        var seat = try Seat(rows: 33, columns: 77)
        let before = try seat.settings(bundle)
        let runtime = try seat.start(bundle, ["run", "c"])
        try seat.waitFor("33 77")
        #expect(try seat.settings(bundle).contains("-icanon"))
        // The terminal's driver would send the signal to its foreground group, which the runtime is not in here.
        try Terminal.setWindowSize(seat.peer.rawValue, WindowSize(rows: 40, columns: 90))
        try runtime.pidfd.send(.windowChanged)
        try seat.waitFor("40 90")
        try seat.pty.master.writeAll("end\r")
        #expect(try runtime.wait() == .exited(5))
        #expect(try seat.settings(bundle) == before.replacingFirst("33; columns 77", "40; columns 90"))
        bundle.expectNothingLeft()
    }

    @Test func interruptGoesToTheProgram() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(script: "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done") {
            $0["process.terminal"] = true
        }
        var seat = try Seat(rows: 24, columns: 80)
        let runtime = try seat.start(bundle, ["run", "c"])
        try seat.waitFor("ready")
        // Control-C, a byte like any other for the host's terminal.
        try seat.pty.master.writeAll("\u{3}")
        try seat.waitFor("caught")
        #expect(try runtime.wait() == .exited(9))
    }

    /// More is written afterwards than the kernel keeps for a terminal that nobody reads.
    @Test func whatWasClosedMayBeOpenedAgain() throws {
        let bundle = try SkiffrunBundle()
        let noise = "i=0; while [ $((i += 1)) -le 20000 ]; do echo $i; done >/dev/console"
        try bundle.configure(script: "exec </dev/null >/dev/null 2>&1; sleep 1; \(noise); exit 6") {
            $0["process.terminal"] = true
        }
        var seat = try Seat(rows: 24, columns: 80)
        let runtime = try seat.start(bundle, ["run", "c"])
        try seat.waitFor("\n20000")
        #expect(try runtime.wait() == .exited(6))
    }

    @Test func execHasTheSizeToo() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper()
        var seat = try Seat(rows: 21, columns: 63)
        let runtime = try seat.start(bundle, ["exec", "--tty", "c", "sh", "-c", "stty size; exit 4"])
        try seat.waitFor("21 63")
        #expect(try runtime.wait() == .exited(4))
    }

    @Test(arguments: [
        (["create"], true, "cannot allocate tty if runc will detach without setting console socket"),
        (["run", "-d"], true, "cannot allocate tty if runc will detach without setting console socket"),
        (
            ["create", "--console-socket", "/x"], false,
            "cannot use console socket if runc will not detach or allocate tty"
        ),
        (
            ["run", "--console-socket", "/x"], false,
            "cannot use console socket if runc will not detach or allocate tty"
        ),
        (["create", "--console-socket", "/nowhere"], true, "connect to console socket \"/nowhere\": no such file"),
    ])
    func rulesOfTheConsoleSocket(_ arguments: [String], _ terminal: Bool, _ error: String) throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0["process.terminal"] = terminal }
        let result = try bundle.run(arguments + ["c"])
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains(error.replacingFirst("runc", "the runtime")), "\(result.errorText)")
        bundle.expectNothingLeft()
    }
}

extension String {
    fileprivate func replacingFirst(_ old: String, _ new: String) -> String {
        guard let range = range(of: old) else { return self }
        return replacingCharacters(in: range, with: new)
    }
}

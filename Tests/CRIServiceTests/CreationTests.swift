// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import Logging
import MonitorProtocol
import TestSupport
import Testing

@testable import CRIService

/// A creation and its limit, with the other end of the monitor's socket in the test's hands.
struct CreationTests {
    private static let process = MonitoredProcess(pid: 7, startTime: 8)

    /// How the creation ends when the monitor has these answers, by the number of the request, once the kill is asked for.
    private func end(
        limit: Duration = .milliseconds(100), _ answers: [(request: UInt32, reply: MonitorReply)],
        afterKill: Bool = true
    ) async throws -> Creation.End {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/socket"
        let listener = try UnixSocket.listen(path, .sequencedPackets)
        let link = try MonitorLink(path: path, loop: try DescriptorLoop(), onEvent: { _ in }, onClose: {})
        let monitor = try listener.accept()
        let request = CreateRequest(
            container: "c", command: RuntimeCommand(["/true"]), pidFile: "/p", exitFile: "/e", logPath: "/l")
        let creation = Creation(
            link: link, request: request, limit: limit, grace: .milliseconds(300), log: Logger(label: "test"))
        async let end = creation.end()
        let shared = SharedFD(OwnedFD(adopting: monitor.release()))
        try await BlockingPool.run {
            for _ in 0..<(afterKill ? 2 : 1) { _ = try Syscall.read(shared.rawValue, upTo: MonitorMessage.maximumSize) }
            for (number, reply) in answers {
                let bytes = try MonitorMessage.reply(number, reply).encoded(version: MonitorMessage.versions.lowerBound)
                try Syscall.writeAll(shared.rawValue, bytes)
            }
        }
        let ended = await end
        link.close()
        return ended
    }

    @Test func whatIsMadeInTimeIsMade() async throws {
        let end = try await end(limit: .seconds(60), [(1, .created(Self.process))], afterKill: false)
        guard case .answer(.success(.created(Self.process))) = end else {
            Issue.record("\(end)")
            return
        }
    }

    static let lateEnds: [(answers: [(request: UInt32, reply: MonitorReply)], fate: String)] = [
        // Killed, and the runtime's end is told.
        ([(2, .ok), (1, .failed(text: "killed", exitStatus: 137))], "was killed"),
        // The kill crosses with the end: it may have reached the container.
        ([(1, .created(process)), (2, .ok)], "was killed"),
        // A monitor of an earlier build kills no runtime, which goes on.
        ([(2, .failed(text: "no such process", exitStatus: nil))], "could not be killed"),
        ([], "could not be killed: the pod's monitor does not answer"),
    ]

    @Test(arguments: lateEnds.indices)
    func whatIsLateIsNotMade(row: Int) async throws {
        let end = try await end(Self.lateEnds[row].answers)
        guard case .late(let fate) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(fate == Self.lateEnds[row].fate)
    }
}

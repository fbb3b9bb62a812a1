// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import Logging
internal import MonitorProtocol

/// A runtime at work on a container, which is killed with its hooks when it takes too long.
///
/// The monitor knows the container by its name alone, so a kill that crosses with the end of the creation may reach the
/// container. Hence from the moment that it is sent there is no success any more: what was made is undone.
struct Creation: Sendable {
    enum End: Sendable {
        /// The monitor's, before time was up.
        case answer(Result<MonitorReply, any Error>)
        /// What became of the runtime.
        case late(String)
    }

    let link: MonitorLink
    let request: CreateRequest
    let limit: Duration
    /// How long the monitor may take to answer once time is up. A monitor of an earlier build kills no runtime.
    var grace = Duration.seconds(10)
    let log: Logger

    /// Waits for the end of the creation: no longer than its time and twice the grace.
    func end() async -> End {
        let (link, request) = (link, request)
        let creation = Work { try await link.request(.create(request)) }
        if let result = await Self.result(creation, within: limit) { return .answer(result) }
        let kill = Work {
            try await link.request(.signal(container: request.container, signal: UInt32(Signal.kill.rawValue)))
        }
        var fate = "was killed"
        switch await Self.result(kill, within: grace) {
        case .success: break
        case .failure(let error):
            log.warning("kill the runtime of container \"\(request.container)\": \(error)")
            fate = "could not be killed"
        case nil: fate = "could not be killed: the pod's monitor does not answer"
        }
        if await Self.result(creation, within: grace) == nil {
            log.warning("the runtime of container \"\(request.container)\" is still at work on it")
        }
        return .late(fate)
    }

    /// nil when time is up; the work goes on.
    private static func result<Value: Sendable>(
        _ work: Work<Value>, within limit: Duration
    ) async -> Result<Value, any Error>? {
        let waiting = Task { try await work.value }
        let timer = Task {
            try await Task.sleep(for: limit)
            waiting.cancel()
        }
        let result = await waiting.result
        timer.cancel()
        if case .failure(let error) = result, error is CancellationError { return nil }
        return result
    }
}

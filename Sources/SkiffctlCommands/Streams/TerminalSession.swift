// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import Streaming

/// Runs a command's streams on this process's own, with its terminal.
enum TerminalSession {
    /// With a terminal every key goes to the command at once, and its size is followed; both end with the session.
    static func run(
        _ url: String, _ options: StreamingOptions, _ streams: StandardStreams, detachKeys: [UInt8] = []
    ) async throws -> RemoteCommandClient.Outcome {
        var terms = RemoteCommandClient.Terms(streams: streams, detachKeys: detachKeys)
        guard streams.terminal else { return try await carry(url, options, terms) }
        if Terminal.isTerminal(1) { terms.sizes = WindowSizes.follow(1) }
        guard streams.stdin, Terminal.isTerminal(0) else { return try await carry(url, options, terms) }
        // The command's own terminal has made of each newline what it is to be.
        let before = try SystemError.attempt("set mode of", "terminal") { () throws(Errno) in
            try Terminal.makeRaw(0, processesOutput: false)
        }
        // Refused it would only be for a wrong signal.
        try? Terminal.restoreWhenKilled(0, before)
        // A terminal that is gone needs no restoring.
        defer { try? Terminal.restore(0, before) }
        return try await carry(url, options, terms)
    }

    private static func carry(
        _ url: String, _ options: StreamingOptions, _ terms: RemoteCommandClient.Terms
    ) async throws -> RemoteCommandClient.Outcome {
        do {
            return try await RemoteCommandClient.run(url, trust: options.trust, over: options.transport, terms)
        } catch {
            return .failed("\(error)")
        }
    }
}

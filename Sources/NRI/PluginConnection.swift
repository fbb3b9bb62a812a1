// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import Linux
internal import NRIAPI
internal import StreamFraming
internal import SwiftProtobuf
internal import Synchronization

/// Both conversations with one plugin.
///
/// ## Concurrency model
/// Calls come from any task; answers and requests arrive on the loop's thread, which only sorts them. The tables are under
/// a mutex, and a continuation leaves it exactly once: with the answer, when its time is up, or when the connection ends.
final class PluginConnection: Sendable {
    /// What a plugin answers, or why it does not.
    typealias Answer = Result<[UInt8], Failure>

    enum Failure: Error, Hashable, Sendable {
        /// The plugin's own words.
        case refused(String)
        /// No more can be expected of it.
        case broken(String)
    }

    /// What the engine does for a plugin; an error is told to it by its code, one of gRPC's, and its text.
    typealias Service = @Sendable (_ method: String, _ payload: [UInt8]) async throws(ServiceRefusal) -> [UInt8]

    struct ServiceRefusal: Error, Sendable {
        var code: Int32
        var text: String
    }

    private struct State {
        var decoder = PluginDecoder()
        var nextStream: UInt32 = 1
        var waiting: [UInt32: CheckedContinuation<Answer, Never>] = [:]
        /// Requests of the plugin that are being carried out.
        var serving = 0
        var unsent: ArraySlice<UInt8> = []
        /// Why it ended.
        var end: String?
    }

    /// Most requests of the plugin at a time.
    private static let mostServed = 64
    private static let runtimeService = "nri.pkg.api.v1alpha1.Runtime"
    private static let pluginService = "nri.pkg.api.v1alpha1.Plugin"

    private let socket: SharedFD
    private let loop: DescriptorLoop
    private let token: UInt64
    private let state = Mutex(State())
    private let service: Service
    private let onEnd: @Sendable (String) -> Void

    /// Listens to the plugin from now on. `onEnd` is called once, with the reason.
    init(
        _ socket: SharedFD, loop: DescriptorLoop, service: @escaping Service,
        onEnd: @escaping @Sendable (String) -> Void
    ) throws(Errno) {
        self.socket = socket
        self.loop = loop
        self.service = service
        self.onEnd = onEnd
        token = loop.newToken()
        try socket.descriptor.setNonblocking(true)
        // Kept by the loop until it has ended.
        try loop.add(socket.rawValue, [.readable], token: token) { ready in self.handle(ready) }
    }

    var isOpen: Bool { state.withLock { $0.end == nil } }
    /// Why it ended.
    var reason: String { state.withLock { $0.end ?? "" } }

    /// Asks the plugin. When it takes longer, it is given up.
    func call(_ method: String, _ payload: [UInt8], within limit: Duration) async -> Answer {
        let request = TTRPCRequest.with {
            ($0.service, $0.method) = (Self.pluginService, method)
            $0.payload = .init(payload)
            let time = limit.components
            $0.timeoutNano = time.seconds * 1_000_000_000 + time.attoseconds / 1_000_000_000
        }
        guard let bytes: [UInt8] = try? request.serializedBytes(), bytes.count <= PluginMessage.maximumSize else {
            return .failure(.refused("the request is longer than \(PluginMessage.maximumSize) bytes"))
        }
        let timer = Task {
            try await Task.sleep(for: limit)
            end("no answer to \(method) within \(limit)")
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            let refusal = state.withLock { state -> String? in
                if let end = state.end { return end }
                let message = PluginMessage(kind: .request, stream: state.nextStream, payload: bytes)
                state.waiting[state.nextStream] = continuation
                state.nextStream = state.nextStream &+ 2
                state.unsent += message.frames(on: .plugin)
                return nil
            }
            if let refusal { return continuation.resume(returning: .failure(.broken(refusal))) }
            flush()
        }
    }

    /// Ends the connection; whoever waits is told why.
    func end(_ reason: String) {
        let waiting = state.withLock { state -> [CheckedContinuation<Answer, Never>]? in
            guard state.end == nil else { return nil }
            state.end = reason
            let waiting = Array(state.waiting.values)
            state.waiting = [:]
            state.unsent = []
            return waiting
        }
        guard let waiting else { return }
        loop.remove(socket.rawValue, token: token)
        // Before anybody goes on without it.
        onEnd(reason)
        // The loop's handler kept the connection, and with it the socket: it is closed when the last call has returned.
        for continuation in waiting { continuation.resume(returning: .failure(.broken(reason))) }
    }

    /// Sends what the socket takes; the rest goes when it is writable.
    private func flush() {
        let failure = state.withLock { state -> Errno? in
            guard state.end == nil, !state.unsent.isEmpty else { return nil }
            do throws(Errno) {
                while !state.unsent.isEmpty {
                    state.unsent = state.unsent.dropFirst(try Syscall.write(socket.rawValue, state.unsent))
                }
                state.unsent = []
                try loop.change(socket.rawValue, [.readable], token: token)
            } catch .EAGAIN {
                do throws(Errno) {
                    try loop.change(socket.rawValue, [.readable, .writable], token: token)
                } catch { return error }
            } catch { return error }
            return nil
        }
        if let failure { end("\(failure)") }
    }

    private func handle(_ ready: Epoll.Interest) {
        if ready.contains(.writable) { flush() }
        do throws(Errno) {
            let bytes = try socket.descriptor.read(upTo: 1 << 16)
            guard !bytes.isEmpty else { return end("it closed the connection") }
            take(bytes)
        } catch .EAGAIN {
            return
        } catch {
            end("\(error)")
        }
    }

    private func take(_ bytes: [UInt8]) {
        do throws(WireError) {
            let messages = try state.withLock { (state) throws(WireError) in
                state.decoder.feed(bytes)
                var messages: [(channel: PluginMessage.Channel, message: PluginMessage)] = []
                while let next = try state.decoder.next() { messages.append(next) }
                return messages
            }
            for (channel, message) in messages {
                switch channel {
                case .plugin: deliver(message)
                case .runtime: serve(message)
                }
            }
        } catch {
            end("\(error)")
        }
    }

    private func deliver(_ message: PluginMessage) {
        guard let continuation = state.withLock({ $0.waiting.removeValue(forKey: message.stream) }) else {
            return end("it answered what nobody asked")
        }
        guard let response = try? TTRPCResponse(serializedBytes: message.payload) else {
            // Before anybody goes on without it.
            end("its answer is malformed")
            return continuation.resume(returning: .failure(.broken("its answer is malformed")))
        }
        if response.hasStatus, response.status.code != 0 {
            let text = response.status.message
            continuation.resume(
                returning: .failure(.refused(text.isEmpty ? "error \(response.status.code)" : text.oneLine)))
        } else {
            continuation.resume(returning: .success(Array(response.payload)))
        }
    }

    private func serve(_ message: PluginMessage) {
        let isTooMuch = state.withLock { state in
            state.serving += 1
            return state.serving > Self.mostServed
        }
        guard !isTooMuch else { return end("more than \(Self.mostServed) requests at a time") }
        Task {
            let response = await answer(message)
            let bytes: [UInt8] = (try? response.serializedBytes()) ?? []
            state.withLock { state in
                state.serving -= 1
                guard state.end == nil else { return }
                let answer = PluginMessage(kind: .response, stream: message.stream, payload: bytes)
                state.unsent += answer.frames(on: .runtime)
            }
            flush()
        }
    }

    private func answer(_ message: PluginMessage) async -> TTRPCResponse {
        do throws(ServiceRefusal) {
            guard let request = try? TTRPCRequest(serializedBytes: message.payload) else {
                throw ServiceRefusal(code: 3, text: "the request is malformed")
            }
            guard request.service == Self.runtimeService, !message.isOpen else {
                throw ServiceRefusal(code: 12, text: "\(request.service) \(request.method) is not served")
            }
            let payload = try await service(request.method, Array(request.payload))
            return .with { $0.payload = .init(payload) }
        } catch {
            return .with { ($0.status.code, $0.status.message) = (error.code, error.text) }
        }
    }
}

extension String {
    /// Errors are one line each.
    var oneLine: String { split(whereSeparator: \.isNewline).joined(separator: "; ") }
}

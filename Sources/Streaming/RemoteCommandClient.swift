// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
internal import NIOCore
internal import StreamFraming

/// The client's side of exec and attach: carries the caller's own descriptors.
package final class RemoteCommandClient: StreamClient {
    /// How it went.
    package enum Outcome: Hashable, Sendable {
        case exited(Int32)
        /// The user left by the keys for it.
        case detached
        /// It was not run, or the server could not say.
        case failed(String)
    }

    /// What the client has, and how it behaves.
    package struct Terms: Sendable {
        package var streams: StandardStreams
        /// Sizes of the terminal, the first at once.
        package var sizes: AsyncStream<WindowSize>?
        /// Typed one after another they leave; empty for none.
        package var detachKeys: [UInt8]

        package init(streams: StandardStreams, sizes: AsyncStream<WindowSize>? = nil, detachKeys: [UInt8] = []) {
            self.streams = streams
            self.sizes = sizes
            self.detachKeys = detachKeys
        }
    }

    private let terms: Terms
    private let loop: any EventLoop
    private weak var connection: (any StreamOpener)?
    private var source: DescriptorSource?
    private var sinks: [DescriptorSink] = []
    private var unfinished = 0
    /// The streams of which the end is waited for.
    private var incoming: [ByteStream] = []
    /// Itself, while nobody else holds it and not all that came is where it should be.
    private var remnant: RemoteCommandClient?
    private var status = Collected()
    private var hasObjects = false
    private var sizeTask: Task<Void, Never>?

    /// Takes the status.
    private final class Collected: StreamConsumer {
        var bytes: [UInt8] = []
        weak var stream: ByteStream?
        var onEnd: () -> Void = {}

        func receive(_ more: ArraySlice<UInt8>) {
            stream?.consumed(more.count)
            if bytes.count < 65_536 { bytes += more }
        }
        func receiveEnd() { onEnd() }
    }

    /// Carries standard input, output and error output to the URL and back, until the command has ended.
    package static func run(
        _ url: String, trust: ServerTrust, over transport: StreamTransport, _ terms: Terms
    ) async throws -> Outcome {
        let (results, result) = AsyncStream.makeStream(of: Result<Outcome, any Error>.self)
        let wish = transport.commandWish(hasInput: terms.streams.stdin)
        try await UpgradeClient.run(url, trust: trust, wish) { RemoteCommandClient(terms, $0, result) }
        // What came before the connection's end may still be on its way to a slow reader.
        for await result in results { return try result.get() }
        throw CancellationError()
    }

    /// Takes how it went; only the first counts.
    private let result: AsyncStream<Result<Outcome, any Error>>.Continuation

    private init(
        _ terms: Terms, _ loop: any EventLoop, _ result: AsyncStream<Result<Outcome, any Error>>.Continuation
    ) {
        self.terms = terms
        self.loop = loop
        self.result = result
    }

    func accepts(_ stream: ByteStream) -> Bool { false }

    func connected(_ connection: any StreamOpener, protocolName: String?) {
        self.connection = connection
        let version = Upgrade.version(of: protocolName)
        hasObjects = version >= "4"
        do throws(Errno) {
            try open(connection, canResize: version >= "3")
        } catch {
            end(.failed("\(error)"))
        }
    }

    /// What is written for a stream may be the connection's end.
    private func open(_ connection: any StreamOpener, canResize: Bool) throws(Errno) {
        func stream(_ kind: String) -> ByteStream { connection.open([HTTPHead.Field("streamtype", kind)]) }
        let error = stream("error")
        error.finish()
        incoming = [error]
        status.stream = error
        unfinished = 1
        status.onEnd = { [weak self] in self?.finished() }
        error.deliver(to: status)
        if terms.streams.stdin {
            let stdin = stream("stdin")
            source = try DescriptorSource(
                Self.standard(0), to: stdin, loop: loop, isBlocking: true, filter: detachFilter()
            ) { _ in stdin.finish() }
        }
        for (kind, number, isWanted) in [
            ("stdout", Int32(1), terms.streams.stdout), ("stderr", 2, terms.streams.stderr),
        ]
        where isWanted {
            let output = stream(kind)
            output.finish()
            incoming.append(output)
            unfinished += 1
            let sink = try DescriptorSink(Self.standard(number), from: output, loop: loop) { [weak self] failure in
                if let failure { self?.end(.failed("write \(kind): \(failure)")) } else { self?.finished() }
            }
            sinks.append(sink)
        }
        if terms.streams.terminal, canResize { carrySizes(to: stream("resize")) }
        guard connection.wire.channel.isActive else { return settle(.success(Self.lost)) }
        for sink in sinks { sink.start() }
        source?.start()
    }

    private static let lost = Outcome.failed("the connection was lost")

    private static func standard(_ number: Int32) throws(Errno) -> SharedFD {
        SharedFD(try Syscall.duplicate(number))
    }

    private func detachFilter() -> (([UInt8]) -> [UInt8]?)? {
        guard !terms.detachKeys.isEmpty else { return nil }
        var keys = DetachKeys(terms.detachKeys)
        return { [weak self] bytes in
            let rest = keys.filter(bytes)
            if rest == nil { self?.end(.detached) }
            return rest
        }
    }

    private func carrySizes(to stream: ByteStream) {
        guard let sizes = terms.sizes else { return }
        let bound = NIOLoopBound(stream, eventLoop: loop)
        let loop = loop
        sizeTask = Task {
            for await size in sizes {
                loop.execute { bound.value.send(ResizeReader.bytes(size)[...]) }
            }
        }
    }

    /// One of the outputs, or the status, is complete.
    private func finished() {
        unfinished -= 1
        guard unfinished == 0 else { return }
        end(outcome())
    }

    private func outcome() -> Outcome {
        guard hasObjects else {
            return status.bytes.isEmpty ? .exited(0) : .failed(String(decoding: status.bytes, as: UTF8.self))
        }
        guard let status = CommandStatus(parsing: status.bytes) else { return .failed("the server told no status") }
        return status.exitCode.map { .exited($0) } ?? .failed(status.message ?? "unknown error")
    }

    private func end(_ outcome: Outcome) {
        settle(.success(outcome))
        for sink in sinks { sink.close() }
        remnant = nil
        connection?.finish()
        // The server has nothing to say that matters any more.
        connection?.wire.channel.close(promise: nil)
    }

    private func settle(_ how: Result<Outcome, any Error>) {
        sizeTask?.cancel()
        source?.close()
        result.yield(how)
    }

    func connectionEnded(_ error: (any Error)?) {
        if error == nil, unfinished > 0, !incoming.isEmpty, incoming.allSatisfy(\.isEnded) {
            sizeTask?.cancel()
            source?.close()
            remnant = self
            return
        }
        settle(error.map { .failure($0) } ?? .success(Self.lost))
        for sink in sinks { sink.close() }
    }
}

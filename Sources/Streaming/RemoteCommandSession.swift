// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOCore

/// One exec or attach on the server's side.
///
/// The client opens a stream for each of the error channel, standard input, output, error output and resizing, as the
/// URL was made for. Then the process is started, and its descriptors and the streams are carried into each other. When
/// it has ended, what it wrote is carried to the end, its outputs are finished, and last the status is told. A process
/// that it left behind with the pipes open is not waited for.
///
/// ## Concurrency model
/// Belongs to the connection's event loop; calls of the handler are tasks whose results come back there.
final class RemoteCommandSession: StreamSession {
    enum Kind: Hashable { case error, stdin, stdout, stderr, resize }

    private enum State {
        case waiting(Set<Kind>)
        case starting
        case running(Task<Int32, any Error>)
        case joined(PacketRelay)
        case done
    }

    /// How long the client may take to open its streams.
    private static let patience = TimeAmount.seconds(30)

    private let handler: any StreamHandler
    private let request: StreamRequest
    private let statusIsObject: Bool
    private let loop: any EventLoop
    private var state: State
    private var streams: [Kind: ByteStream] = [:]
    private var sources: [Kind: DescriptorSource] = [:]
    private var sink: DescriptorSink?
    private var timeout: Scheduled<Void>?
    private var status = CommandStatus(exitCode: 0)
    /// Ends the connection.
    var finish: () -> Void = {}

    /// With `canResize` a client with a terminal opens a stream for its size.
    init(
        _ request: StreamRequest, _ streams: StandardStreams, handler: any StreamHandler, loop: any EventLoop,
        canResize: Bool, statusIsObject: Bool
    ) {
        self.handler = handler
        self.request = request
        self.loop = loop
        self.statusIsObject = statusIsObject
        var kinds: Set<Kind> = [.error]
        if streams.stdin { kinds.insert(.stdin) }
        if streams.stdout { kinds.insert(.stdout) }
        if streams.stderr { kinds.insert(.stderr) }
        if streams.terminal && canResize { kinds.insert(.resize) }
        state = .waiting(kinds)
        timeout = loop.assumeIsolated().scheduleTask(in: Self.patience) { [weak self] in self?.finish() }
    }

    func accepts(_ stream: ByteStream) -> Bool {
        guard case .waiting(var kinds) = state, let kind = Self.kind(stream), kinds.remove(kind) != nil else {
            return false
        }
        streams[kind] = stream
        state = .waiting(kinds)
        if kinds.isEmpty { start() }
        return true
    }

    private static func kind(_ stream: ByteStream) -> Kind? {
        switch stream.field("streamtype") {
        case "error": .error
        case "stdin": .stdin
        case "stdout": .stdout
        case "stderr": .stderr
        case "resize": .resize
        default: nil
        }
    }

    private func start() {
        timeout?.cancel()
        state = .starting
        let (handler, request) = (handler, request)
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.makeFutureWithTask {
            switch request {
            case .exec(let container, let command, let streams): try await handler.exec(container, command, streams)
            case .attach(let container, let streams): try await handler.attach(container, streams)
            case .portForward: throw Errno.EINVAL
            }
        }.whenComplete { (result: Result<StreamedProcess, any Error>) in bound.value.started(result) }
    }

    private func started(_ result: Result<StreamedProcess, any Error>) {
        guard case .starting = state else { return abandon(result) }
        do {
            switch try result.get() {
            case .started(let process): try carry(process)
            case .joined(let socket): try join(socket)
            }
        } catch {
            if case .running(let waiting) = state { waiting.cancel() }
            tell(CommandStatus(failure: "\(error)"))
        }
    }

    /// The client has gone meanwhile.
    private func abandon(_ result: Result<StreamedProcess, any Error>) {
        guard case .success(.started(let process)) = result else { return }
        let end = process.end
        Task { try await end() }.cancel()
    }

    private func join(_ socket: SharedFD) throws {
        let relay = try PacketRelay(
            socket, stdin: streams[.stdin], stdout: streams[.stdout], stderr: streams[.stderr], loop: loop
        ) { [weak self] error in
            self?.tell(error.map { CommandStatus(failure: "\($0)") } ?? CommandStatus(exitCode: 0))
        }
        state = .joined(relay)
        if let stream = streams[.resize] {
            stream.deliver(to: ResizeReader(stream) { [weak relay] in relay?.resize($0) })
        }
        relay.start()
    }

    private func carry(_ process: StartedProcess) throws {
        // Not the whole of it: a copy of standard input held open would keep its end from the process.
        let end = process.end
        let waiting = Task { try await end() }
        state = .running(waiting)
        try connect(process)
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.makeFutureWithTask { try await waiting.value }
            .whenComplete { (result: Result<Int32, any Error>) in bound.value.ended(result) }
    }

    private func connect(_ process: StartedProcess) throws(Errno) {
        if let stream = streams[.stdin], let descriptor = process.stdin {
            let sink = try DescriptorSink(descriptor, from: stream, loop: loop) { _ in }
            self.sink = sink
            stream.onBreak = { [weak sink] in sink?.receiveEnd() }
        }
        for (kind, descriptor) in [(Kind.stdout, process.stdout), (.stderr, process.stderr)] {
            guard let stream = streams[kind], let descriptor else { continue }
            sources[kind] = try DescriptorSource(descriptor, to: stream, loop: loop) { [weak self] _ in
                stream.finish()
                self?.sources[kind] = nil
                self?.finishIfDone()
            }
        }
        if let stream = streams[.resize] { stream.deliver(to: ResizeReader(stream, process.resize)) }
        sink?.start()
        for source in sources.values { source.start() }
    }

    private func ended(_ result: Result<Int32, any Error>) {
        guard case .running = state else { return }
        state = .done
        switch result {
        case .success(let code): status = CommandStatus(exitCode: code)
        case .failure(let error): status = CommandStatus(failure: "\(error)")
        }
        sink?.close()
        for source in sources.values { source.drain() }
        finishIfDone()
    }

    /// The status is told last: clients take it for the end.
    private func finishIfDone() {
        guard case .done = state, sources.isEmpty else { return }
        tell(status)
    }

    private func tell(_ status: CommandStatus) {
        if case .joined(let relay) = state { relay.close() }
        state = .done
        for kind in [Kind.stdout, .stderr] { streams[kind]?.finish() }
        let bytes = status.bytes(asObject: statusIsObject)
        if let stream = streams[.error] {
            if !bytes.isEmpty { stream.send(bytes[...]) }
            stream.finish()
        }
        streams = [:]
        finish()
    }

    func connectionEnded(_ error: (any Error)?) {
        switch state {
        case .running(let waiting): waiting.cancel()
        case .joined(let relay): relay.close()
        case .waiting, .starting, .done: break
        }
        state = .done
        timeout?.cancel()
        sink?.close()
        for source in sources.values { source.close() }
        sources = [:]
        streams = [:]
        finish = {}
    }
}

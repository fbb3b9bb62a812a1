// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import enum ContainerRuntime.ProcessIDFile
internal import Linux
internal import MonitorProtocol

extension MonitorLoop {
    func create(_ request: CreateRequest, for asker: Asker) {
        guard containers[request.container] == nil else {
            return fail(asker, "create container \"\(request.container)\": the monitor has one of that name")
        }
        do {
            let container = Container(
                request, log: try LogFile(path: request.logPath, limit: request.logLimit, log: log))
            if let journal = options.journal { container.log.journal = connect(journal, container) }
            container.log.onTrouble = { [unowned self, unowned container] error in
                broadcast(
                    .logTrouble(
                        container: container.name, lostBytes: container.log.lostBytes,
                        error: error.map { "\($0)" } ?? ""))
            }
            do {
                try launch(container, for: asker)
            } catch {
                abandon(container)
                throw error
            }
            containers[request.container] = container
        } catch {
            fail(asker, "\(error)")
        }
    }

    /// A container does without a journal that is not there, for its log has everything.
    private func connect(_ path: String, _ container: Container) -> Journal? {
        do throws(SystemError) {
            return try Journal(path, container: container.name, pod: options.pod, log: log)
        } catch {
            log.write("container \"\(container.name)\": \(error)")
            return nil
        }
    }

    /// Runs `runtime create`. Without a terminal, its standard descriptors become those of the container.
    private func launch(_ container: Container, for asker: Asker) throws {
        let request = container.request
        let console: ConsoleSocket? =
            if let path = request.consoleSocket { try ConsoleSocket(path: path) } else { nil }
        let stdin = try console == nil && request.stdin ? openStdin(of: container) : openNull()
        var errors = try Pipe()
        guard let errorReader = errors.takeReader(), let errorWriter = errors.takeWriter() else { throw Errno.EBADF }
        try errorReader.setNonblocking(true)
        let spoken = OutputStream(keeping: errorReader)
        let output = console == nil ? try openStdout(of: container) : nil
        let token = try watch(spoken.rawValue, .output(spoken, container))
        container.outputs[token] = spoken
        let errorNumber = errorWriter.rawValue
        let streams = try self.streams.ofContainer([stdin.rawValue, output?.rawValue ?? errorNumber, errorNumber])
        let pid = try RuntimeCall.spawn(request.command, streams, protection)
        children[pid] = .call(RuntimeCall(.create(container, console), asker: asker, output: (token, spoken)))
    }

    private func openStdin(of container: Container) throws -> OwnedFD {
        var pipe = try Pipe()
        guard let reader = pipe.takeReader(), let writer = pipe.takeWriter() else { throw Errno.EBADF }
        try writer.setNonblocking(true)
        container.input.open(SharedFD(writer), isTerminal: false)
        return reader
    }

    private func openStdout(of container: Container) throws -> SharedFD {
        var pipe = try Pipe()
        guard let reader = pipe.takeReader(), let writer = pipe.takeWriter() else { throw Errno.EBADF }
        try reader.setNonblocking(true)
        let stream = OutputStream(logging: reader, .stdout, into: container.log)
        container.outputs[try watch(stream.rawValue, .output(stream, container))] = stream
        return SharedFD(writer)
    }

    /// `runtime create` has ended.
    func finishCreate(_ call: RuntimeCall, _ container: Container, _ console: ConsoleSocket?, _ status: ExitStatus) {
        guard let output = call.output else { return }
        _ = output.stream.drain(&buffers)
        do {
            guard status.isSuccess else {
                return failCreate(
                    call, container, container.request.command.failure(output.stream.text, status), status)
            }
            let made = try claim(container.request.pidFile)
            try takeOver(container, made, console)
            carryErrors(output, of: container, hasTerminal: console != nil)
            if case .created(let process) = container.state { reply(call.asker, .created(process.identity)) }
            if case .ended(let status) = made.fate { ended(container, status) }
        } catch {
            failCreate(call, container, "\(error)", status)
        }
    }

    /// The runtime's error output goes on as the container's, what the runtime itself said included; with a terminal it
    /// was the runtime's alone.
    private func carryErrors(
        _ output: (token: UInt64, stream: OutputStream), of container: Container, hasTerminal: Bool
    ) {
        if !hasTerminal { output.stream.carry(.stderr, into: container.log, &buffers) }
        // Its end may have been seen already.
        if hasTerminal || container.outputs[output.token] == nil { close(output.stream, container, output.token) }
    }

    private func takeOver(_ container: Container, _ made: ClaimedProcess, _ console: ConsoleSocket?) throws {
        if let console {
            let master = try console.receiveMaster()
            let copy = SharedFD(try master.duplicate())
            container.terminal = copy
            // Where that is refused, the last close of the terminal is the end of the output.
            container.terminalPeer = try? SharedFD(Terminal.openPeer(of: master.rawValue))
            if container.request.stdin { container.input.open(copy, isTerminal: true) }
            let stream = OutputStream(logging: master, .stdout, into: container.log)
            container.outputs[try watch(stream.rawValue, .output(stream, container))] = stream
        }
        let oom = container.request.oomEventsFile.map { OOMCounter(path: $0) }
        switch made.fate {
        case .alive(let pidfd, let stat):
            let identity = MonitoredProcess(pid: made.pid, startTime: stat.startTime)
            container.state = .created(Container.Process(identity: identity, pidfd: pidfd, oom: oom))
            children[made.pid] = .container(container)
            container.processToken = try watch(pidfd.pidfd.rawValue, .process(container))
            watchMemory(of: container)
        case .ended:
            let identity = MonitoredProcess(pid: made.pid, startTime: 0)
            container.state = .created(Container.Process(identity: identity, pidfd: nil, oom: oom))
        }
    }

    private func failCreate(_ call: RuntimeCall, _ container: Container, _ text: String, _ status: ExitStatus) {
        abandon(container)
        containers[container.name] = nil
        fail(call.asker, text, exitStatus: UInt32(truncatingIfNeeded: status.shellCode))
    }

    /// Lets go of a container that could not be created.
    private func abandon(_ container: Container) {
        for (token, stream) in container.outputs { unwatch(token, stream.rawValue) }
        container.outputs = [:]
        closeInput(of: container)
        container.log.removeIfEmpty()
    }

    // MARK: Processes that a runtime has made

    struct ClaimedProcess {
        enum Fate {
            case alive(SharedPidFD, ProcStat)
            case ended(ExitStatus)
        }

        let pid: Int32
        let fate: Fate
    }

    /// The process whose pid the runtime wrote there: alive or a zombie, or reaped as an orphan a moment ago.
    func claim(_ pidFile: String) throws -> ClaimedProcess {
        guard let pid = ProcessIDFile.read(pidFile) else {
            throw MonitorError("read pid file \"\(pidFile)\": it holds no pid")
        }
        if let status = unclaimed.removeValue(forKey: pid) { return ClaimedProcess(pid: pid, fate: .ended(status)) }
        return try SystemError.attempt("open process", "\(pid)") { () throws(Errno) in
            let pidfd = SharedPidFD(try PidFD(pid))
            return ClaimedProcess(pid: pid, fate: .alive(pidfd, try ProcStat(pid)))
        }
    }
}

extension RuntimeCommand {
    /// What to tell of a command that failed: its own words, or how it ended.
    func failure(_ text: String, _ status: ExitStatus) -> String {
        let words = text.split { $0.isNewline }.joined(separator: "; ")
        if !words.isEmpty { return words }
        let program = arguments.first ?? ""
        switch status {
        case .exited(let code): return "run \"\(program)\": exit status \(code)"
        case .signaled(let number): return "run \"\(program)\": killed by \(Signal(rawValue: number))"
        }
    }
}

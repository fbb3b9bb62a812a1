// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

extension MonitorLoop {
    func perform(_ request: MonitorRequest, _ descriptors: [SharedFD], for asker: Asker) {
        releaseMemorySoon()
        if case .stopping = phase, request.needsPod { return fail(asker, "the monitor is shutting down") }
        switch request {
        case .hello(let version): greet(asker, version)
        case .adopt:
            adopt()
            reply(asker, .ok)
        case .create(let create): self.create(create, for: asker)
        case .start(let name, let command): start(name, command, for: asker)
        case .run(let command): run(command, for: asker)
        case .exec(let exec): self.exec(exec, descriptors, for: asker)
        case .signal(let name, let signal): self.signal(name, signal, for: asker)
        case .list: reply(asker, .containers(containers.values.map(\.status).sorted { $0.container < $1.container }))
        case .forget(let name): forget(name, for: asker)
        case .reopenLog(let name, let deadline): reopenLog(name, deadline, for: asker)
        case .shutdown: beginShutdown(for: asker)
        case .attach(let attach): self.attach(attach, descriptors, for: asker)
        case .resize(let name, let size): resize(name, size, for: asker)
        case .endExec(let name): endExec(name, for: asker) { kill($0) }
        case .hangUp(let name): endExec(name, for: asker) { finishKilling($0.hangUp()) }
        }
    }

    private func greet(_ asker: Asker, _ version: UInt16) {
        guard version >= 1 else { return fail(asker, "hello: version \(version) is not supported") }
        let common = min(version, MonitorMessage.version)
        client(asker.client)?.version = common
        reply(asker, .hello(version: common, pid: Syscall.processID, pod: options.pod))
    }

    private func run(_ command: RuntimeCommand, for asker: Asker) {
        do {
            try call(.run, command, for: asker)
        } catch {
            fail(asker, "\(error)")
        }
    }

    private func start(_ name: String, _ command: RuntimeCommand, for asker: Asker) {
        guard let container = containers[name] else { return fail(asker, unknown(name)) }
        guard case .created(let process) = container.state else {
            return fail(asker, "start container \"\(name)\": it is \(container.stateWord), not created")
        }
        do {
            // A short program may end before the command that started it: its record shall say since when it ran.
            container.state = .running(process, since: UInt64(KernelClock.realtime))
            try call(.start(container), command, for: asker)
        } catch {
            container.state = .created(process)
            fail(asker, "\(error)")
        }
    }

    /// Runs a command whose output is kept for the answer.
    private func call(_ purpose: RuntimeCall.Purpose, _ command: RuntimeCommand, for asker: Asker) throws {
        let null = try openNull()
        var pipe = try Pipe()
        guard let reader = pipe.takeReader(), let writer = pipe.takeWriter() else { throw Errno.EBADF }
        try reader.setNonblocking(true)
        let stream = OutputStream(keeping: reader)
        let token = try watch(stream.rawValue, .output(stream, nil))
        do {
            let pid = try RuntimeCall.spawn(command, [null.rawValue, writer.rawValue, writer.rawValue], protection)
            children[pid] = .call(RuntimeCall(purpose, asker: asker, output: (token, stream)))
        } catch {
            unwatch(token, stream.rawValue)
            throw error
        }
    }

    func openNull() throws(SystemError) -> OwnedFD {
        try SystemError.attempt("open", "/dev/null") { () throws(Errno) in try Syscall.open("/dev/null", .readWrite) }
    }

    private func signal(_ name: String, _ number: UInt32, for asker: Asker) {
        guard let container = containers[name] else { return fail(asker, unknown(name)) }
        let signal = Signal(rawValue: Int32(truncatingIfNeeded: number))
        do throws(Errno) {
            if signal == .kill, let runtime = creator(of: container) {
                // The runtime that is at work on it, with its hooks; its end fails the creation.
                try Syscall.kill(-runtime, .kill)
                return reply(asker, .ok)
            }
            guard let pidfd = container.process?.pidfd else { throw .ESRCH }
            try pidfd.pidfd.send(signal)
            if signal == .kill { container.isKilled = true }
            reply(asker, .ok)
        } catch {
            fail(asker, "\(SystemError("send \(signal) to container", name, error))")
        }
    }

    /// The runtime that is making the container, which leads a process group.
    private func creator(of container: Container) -> Int32? {
        children.first { _, child in
            if case .call(let call) = child, case .create(let made, _) = call.purpose {
                made === container
            } else {
                false
            }
        }?.key
    }

    private func forget(_ name: String, for asker: Asker) {
        guard let container = containers[name] else { return fail(asker, unknown(name)) }
        guard case .exited = container.state else {
            return fail(asker, "forget container \"\(name)\": it is \(container.stateWord), not exited")
        }
        closeOutputs(container)
        containers[name] = nil
        reply(asker, .ok)
    }

    private func reopenLog(_ name: String, _ deadline: UInt64?, for asker: Asker) {
        guard let container = containers[name] else { return fail(asker, unknown(name)) }
        guard container.process != nil else {
            return fail(asker, "reopen log of container \"\(name)\": it is \(container.stateWord)")
        }
        // Whoever asked has been told that it failed: no file may come after that.
        if let deadline, UInt64(KernelClock.monotonic) > deadline {
            return fail(asker, "reopen log of container \"\(name)\": the time for it has passed")
        }
        do throws(SystemError) {
            try container.log.reopen()
            reply(asker, .ok)
        } catch {
            fail(asker, "\(error)")
        }
    }

    func unknown(_ name: String) -> String { "container \"\(name)\": the monitor has none of that name" }
}

extension MonitorRequest {
    /// Whether it would change the pod.
    fileprivate var needsPod: Bool {
        switch self {
        case .hello, .adopt, .list, .shutdown, .endExec, .hangUp: false
        default: true
        }
    }
}

extension Container {
    var stateWord: String {
        switch state {
        case .creating: "being created"
        case .created: "created"
        case .running: "running"
        case .exited: "exited"
        }
    }
}

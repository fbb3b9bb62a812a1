// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

extension MonitorLoop {
    func attach(_ request: AttachRequest, _ descriptors: [SharedFD], for asker: Asker) {
        guard let container = containers[request.container] else { return fail(asker, unknown(request.container)) }
        guard container.process != nil else {
            return fail(asker, "attach to container \"\(request.container)\": it is \(container.stateWord)")
        }
        guard let socket = descriptors.first, descriptors.count == 1 else {
            return fail(
                asker, "attach to container \"\(request.container)\": \(descriptors.count) descriptors came with it")
        }
        do throws(Errno) {
            let client = try AttachedClient(socket, request, container: container)
            client.token = try watch(client.rawValue, .attached(client))
            container.attached.append(client)
            for stream in container.outputs.values where client.listens(to: stream.channel) {
                stream.listeners.append(client)
            }
            if container.input.isFull { setInterest(of: client) }
            reply(asker, .ok)
        } catch {
            fail(asker, "\(SystemError("attach to container", request.container, error))")
        }
    }

    func resize(_ name: String, _ size: WindowSize, for asker: Asker) {
        guard let container = containers[name] else { return fail(asker, unknown(name)) }
        do throws(Errno) {
            guard let terminal = container.terminal else { throw .ENOTTY }
            try Terminal.setWindowSize(terminal.rawValue, size)
            reply(asker, .ok)
        } catch {
            fail(asker, "\(SystemError("resize terminal of container", name, error))")
        }
    }

    // MARK: From the client

    func serve(_ client: AttachedClient, _ event: Epoll.Event) {
        if event.ready.contains(.writable) { flush(client) }
        guard client.token != nil, !event.ready.isDisjoint(with: [.readable, .hangUp, .error]) else { return }
        if client.request.stdin, client.container.input.isFull {
            // Another client has filled it in the same round: this one waits for its turn.
            guard !event.ready.isDisjoint(with: [.hangUp, .error]) else { return }
            // It has left while its input waits for room. Watched on, it would be reported again and again.
            return unwatch(client)
        }
        switch client.receive(&buffers) {
        case .nothing: break
        case .end: detach(client)
        case .packet(let channel, let count):
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffers.packet[1..<1 + count])
            unsafe take(bytes, channel, from: client)
        }
    }

    private func take(
        _ bytes: UnsafeRawBufferPointer, _ channel: AttachPacket.Channel, from client: AttachedClient
    ) {
        let container = client.container
        switch channel {
        case .stdin where client.request.stdin:
            unsafe container.input.take(bytes)
            if container.input.isFull { waitForRoom(container) }
        case .closeStdin where client.request.stdin: endInput(of: client)
        case .resize:
            guard let terminal = container.terminal, let size = unsafe AttachPacket.size(bytes) else { return }
            // The terminal may be gone with its container.
            do throws(Errno) { try Terminal.setWindowSize(terminal.rawValue, size) } catch {}
        default: break
        }
    }

    private func endInput(of client: AttachedClient) {
        let container = client.container
        if client.request.stdin, container.request.stdinOnce { container.input.end() }
    }

    private func waitForRoom(_ container: Container) {
        let input = container.input
        guard input.token == nil, let descriptor = input.descriptor else { return }
        do throws(Errno) {
            input.token = try watch(descriptor.rawValue, .input(container), for: .writable)
            for client in container.attached { setInterest(of: client) }
        } catch {
            log.write("\(SystemError("watch standard input of container", container.name, error))")
            input.close()
        }
    }

    /// The container's standard input has room again, or no reader any more.
    func feed(_ container: Container) {
        let (input, descriptor) = (container.input, container.input.descriptor)
        input.flush()
        if input.isFull { return }
        if let token = input.token, let descriptor { unwatch(token, descriptor.rawValue) }
        input.token = nil
        for client in container.attached {
            if client.token == nil { rewatch(client) } else { setInterest(of: client) }
        }
    }

    func closeInput(of container: Container) {
        if let token = container.input.token, let descriptor = container.input.descriptor {
            unwatch(token, descriptor.rawValue)
            container.input.token = nil
        }
        container.input.close()
        feed(container)
        container.terminal = nil
    }

    // MARK: Towards the client

    /// After an output was read: who has not taken it all is waited for, and the output with it.
    func settle(_ stream: OutputStream, _ token: UInt64) {
        for client in stream.listeners {
            if client.isGone { stopTelling(client) } else if client.isBlocked { beginToWait(client) }
        }
        guard stream.listeners.contains(where: \.isBlocked), !stream.isSuspended else { return }
        // Removed, not only asked of nothing: the end of its writers would be reported all the time.
        suspend(stream.rawValue)
        stream.isSuspended = true
    }

    /// The client has left. What it has sent before is still for the container, and its end comes behind that.
    private func stopTelling(_ client: AttachedClient) {
        guard client.request.stdin else { return detach(client) }
        client.dropQueue()
        forgetDeadline(client)
        for stream in client.container.outputs.values { stream.listeners.removeAll { $0 === client } }
        setInterest(of: client)
        resumeOutputs(of: client.container)
    }

    private func beginToWait(_ client: AttachedClient) {
        setInterest(of: client)
        guard client.deadline == nil else { return }
        client.deadline = deadlines.add(.cutOff(client), afterMilliseconds: AttachedClient.patienceMilliseconds)
    }

    private func flush(_ client: AttachedClient) {
        if client.flush() { forgetDeadline(client) }
        if client.isGone { return stopTelling(client) }
        if client.isBlocked { return beginToWait(client) }
        forgetDeadline(client)
        // One that is left over from a container's end has heard it all.
        guard client.container.attached.contains(where: { $0 === client }) else { return unwatch(client) }
        setInterest(of: client)
        resumeOutputs(of: client.container)
    }

    private func resumeOutputs(of container: Container) {
        for (token, stream) in container.outputs
        where stream.isSuspended && !stream.listeners.contains(where: \.isBlocked) {
            stream.isSuspended = false
            resume(stream.rawValue, token)
        }
    }

    /// The client leaves, or has to: the container and its log go on.
    func detach(_ client: AttachedClient) {
        let container = client.container
        unwatch(client)
        forgetDeadline(client)
        container.attached.removeAll { $0 === client }
        for stream in container.outputs.values { stream.listeners.removeAll { $0 === client } }
        endInput(of: client)
        resumeOutputs(of: container)
    }

    /// The container has ended, and so have its outputs: whoever is attached hears that, and is let go.
    func finishAttached(_ container: Container) {
        guard case .exited = container.state, container.outputs.isEmpty else { return }
        let clients = container.attached
        container.attached = []
        for client in clients {
            let end: [UInt8] = [AttachPacket.Channel.end.rawValue]
            unsafe end.withUnsafeBytes { unsafe client.offer($0) }
            if client.isBlocked, !client.isGone { beginToWait(client) } else { unwatch(client) }
        }
    }

    // MARK: Watching

    /// Nothing is read from a client whose input has no place to go.
    private func setInterest(of client: AttachedClient) {
        guard let token = client.token else { return }
        var interest: Epoll.Interest = client.isBlocked ? [.writable] : []
        if !(client.request.stdin && client.container.input.isFull) { interest.insert(.readable) }
        guard interest != client.interest else { return }
        client.interest = interest
        setInterest(client.rawValue, interest, token: token)
    }

    private func rewatch(_ client: AttachedClient) {
        do throws(Errno) {
            client.interest = .readable
            client.token = try watch(client.rawValue, .attached(client))
            setInterest(of: client)
        } catch {
            detach(client)
        }
    }

    private func unwatch(_ client: AttachedClient) {
        if let token = client.token { unwatch(token, client.rawValue) }
        client.token = nil
    }

    private func forgetDeadline(_ client: AttachedClient) {
        if let deadline = client.deadline { deadlines.cancel(deadline) }
        client.deadline = nil
    }
}

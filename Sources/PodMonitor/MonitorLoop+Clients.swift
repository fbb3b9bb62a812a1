// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

extension MonitorLoop {
    /// Requests of one client that are taken in a row before the others have their turn.
    private static let batch = 16

    /// A client that cannot be accepted for want of descriptors stays in the queue, where it would be reported all the time.
    private static let acceptPauseMilliseconds: Int64 = 100

    func acceptClient(_ token: UInt64) {
        do throws(Errno) {
            guard let socket = try resources.accept() else { return }
            let client = Client(socket)
            try watch(client.rawValue, .client(client))
            refusalIsTold = false
        } catch {
            if !refusalIsTold { log.write("accept client: \(error); trying again") }
            refusalIsTold = true
            suspend(resources.listenerDescriptor)
            deadlines.add(
                .resume(resources.listenerDescriptor, token, .readable),
                afterMilliseconds: Self.acceptPauseMilliseconds)
        }
    }

    func serve(_ client: Client, _ event: Epoll.Event) {
        if event.ready.contains(.writable) { note(client.flush(), client, event.token, wasQueued: true) }
        if event.ready.isDisjoint(with: [.readable, .hangUp, .error]) { return }
        for _ in 0..<Self.batch {
            do throws(Errno) {
                guard self.client(event.token) != nil, let message = try client.receive() else { return }
                // Nobody sends a message without bytes: it is the end of the connection.
                if message.bytes.isEmpty { return drop(client, event.token) }
                take(message, from: event.token)
            } catch {
                return drop(client, event.token)
            }
        }
    }

    private func take(_ message: UnixSocket.Message, from client: UInt64) {
        guard let number = MonitorRequest.number(of: message.bytes) else {
            if let gone = self.client(client) { drop(gone, client) }
            return
        }
        let asker = Asker(
            client: client, request: number, version: MonitorRequest.version(of: message.bytes))
        do throws(MonitorProtocolError) {
            perform(try MonitorRequest(decoding: message.bytes), message.descriptors, for: asker)
        } catch {
            fail(asker, "\(error)")
        }
    }

    /// Answers a request, if its client is still there.
    func reply(_ asker: Asker, _ reply: MonitorReply, _ descriptors: [SharedFD] = []) {
        guard let client = client(asker.client) else { return }
        send(.reply(asker.request, reply), descriptors, to: client, asker.client, version: asker.version)
    }

    /// Answers that the request has failed, in one line.
    func fail(_ asker: Asker, _ text: String, exitStatus: UInt32? = nil) {
        reply(asker, .failed(text: text, exitStatus: exitStatus))
    }

    /// Tells every client that speaks a version which has the event.
    func broadcast(_ event: MonitorEvent) {
        for (token, client) in clients where client.version >= event.firstVersion {
            send(.event(event), [], to: client, token, version: client.version)
        }
    }

    private func send(
        _ message: MonitorMessage, _ descriptors: [SharedFD], to client: Client, _ token: UInt64, version: UInt16
    ) {
        let wasQueued = client.hasQueue
        do throws(MonitorProtocolError) {
            let packet = try message.encoded(version: version)
            note(client.send(packet, descriptors), client, token, wasQueued: wasQueued)
        } catch {
            log.write("\(error)")
            drop(client, token)
        }
    }

    private func note(_ sending: Client.Sending, _ client: Client, _ token: UInt64, wasQueued: Bool) {
        switch sending {
        case .done: if wasQueued { setInterest(client.rawValue, .readable, token: token) }
        case .queued: if !wasQueued { setInterest(client.rawValue, [.readable, .writable], token: token) }
        case .failed: drop(client, token)
        }
    }

    private func drop(_ client: Client, _ token: UInt64) {
        unwatch(token, client.rawValue)
        for session in execs.values where session.request.endsWithClient && session.asker.client == token {
            finishKilling(session.hangUp())
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NRIAPI
internal import SwiftProtobuf
internal import Synchronization

extension PluginHub {
    /// Starts the installed plugins, and returns when each takes part or has failed; then lets others connect. The engine
    /// does without what fails, and has that in its log.
    package func start() async {
        await withTaskGroup(of: Void.self) { group in
            for installed in InstalledPlugin.find(settings.pluginFolder, settings.configFolder, host) {
                group.addTask { await self.launch(installed) }
            }
        }
        guard !settings.socket.isEmpty else { return }
        do {
            try UnixSocket.makeWay(settings.socket)
            let listening = try SystemError.attempt("listen on", settings.socket) { () throws(Errno) in
                // Only the superuser can connect.
                try ConnectionListener(try UnixSocket.listen(settings.socket), loop) { socket in
                    self.receive(SharedFD(OwnedFD(adopting: socket.release())))
                }
            }
            listener.withLock { $0 = listening }
            host.report(.news("NRI plugins connect to \(settings.socket)"))
        } catch {
            host.report(.trouble("NRI: \(error); the engine goes on without"))
        }
    }

    private func launch(_ installed: InstalledPlugin) async {
        do {
            // Threads of the pool stay: the program goes with the one that started it.
            let (socket, process) = try await BlockingPool.run { () throws(SystemError) in try installed.start() }
            let guest = try admit(socket, as: installed.name) { process.end() }
            await welcome(guest, installed.configuration)
        } catch {
            host.report(.trouble("start NRI plugin \"\(installed.name)\": \(error)"))
        }
    }

    private func receive(_ socket: SharedFD) {
        do throws(Errno) {
            let guest = try admit(socket, as: nil) {}
            Task { await welcome(guest, "") }
        } catch {
            host.report(.trouble("NRI: serve a plugin: \(error)"))
        }
    }

    /// Who has connected.
    private struct Guest: Sendable {
        var number: Int
        var connection: PluginConnection
        /// How it registers, at most once.
        var names: AsyncStream<PluginName>
    }

    private func admit(
        _ socket: SharedFD, as name: PluginName?, onEnd: @escaping @Sendable () -> Void
    ) throws(Errno) -> Guest {
        let (names, registration) = AsyncStream.makeStream(of: PluginName.self, bufferingPolicy: .bufferingOldest(1))
        let number = state.withLock { state in
            state.nextGuest += 1
            return state.nextGuest
        }
        let connection = try PluginConnection(socket, loop: loop) {
            method, payload throws(PluginConnection.ServiceRefusal) in
            try await self.serve(method, payload, number, name, registration)
        } onEnd: { reason in
            registration.finish()
            self.leave(number, reason)
            onEnd()
        }
        state.withLock { $0.guests[number] = connection }
        // It may have left before it was on the list.
        if !connection.isOpen { state.withLock { $0.guests[number] = nil } }
        return Guest(number: number, connection: connection, names: names)
    }

    private func leave(_ number: Int, _ reason: String) {
        let plugin = state.withLock { state -> Plugin? in
            guard let connection = state.guests.removeValue(forKey: number) else { return nil }
            let place = state.plugins.firstIndex { $0.connection === connection }
            return place.map { state.plugins.remove(at: $0) }
        }
        if let plugin { host.report(.trouble("NRI plugin \"\(plugin.name)\" is out: \(reason)")) }
    }

    /// Registration, configuration, and the view of what is there.
    private func welcome(_ guest: Guest, _ configuration: String) async {
        let connection = guest.connection
        let limit = settings.registrationTimeout
        let timer = Task {
            try await Task.sleep(for: limit)
            connection.end("it did not register within \(limit)")
        }
        var registered: PluginName?
        for await name in guest.names {
            registered = name
            break
        }
        timer.cancel()
        guard let name = registered else {
            return host.report(.trouble("NRI: a plugin left before it registered: \(connection.reason)"))
        }
        do throws(PluginError) {
            let plugin = try await configure(name, connection, configuration)
            let updates = try await gate.pass { () async throws(PluginError) in try await join(plugin) }
            host.report(.news("NRI plugin \"\(name)\" has joined"))
            for failed in await host.update(updates) {
                host.report(.trouble("NRI plugin \"\(name)\": container \"\(failed.containerID)\" was not updated"))
            }
        } catch {
            connection.end(error.cause)
            host.report(.trouble("\(error)"))
        }
    }

    private func configure(
        _ name: PluginName, _ connection: PluginConnection, _ configuration: String
    ) async throws(PluginError) -> Plugin {
        let request = NRIConfigureRequest.with {
            $0.config = configuration
            $0.runtimeName = "skiff"
            $0.runtimeVersion = settings.runtimeVersion
            $0.registrationTimeout = settings.registrationTimeout.milliseconds
            $0.requestTimeout = settings.requestTimeout.milliseconds
        }
        let answer: NRIConfigureResponse? = try await Plugin.ask(
            "Configure", request, of: name.description, connection, within: settings.requestTimeout)
        guard let answer else { throw PluginError(.broken, "Configure", name.description, connection.reason) }
        return try Plugin(name, connection, limit: settings.requestTimeout, events: answer.events)
    }

    /// Shows the plugin what is known, and has it take part from then on. What it wants changed is returned.
    private func join(_ plugin: Plugin) async throws(PluginError) -> [NRIContainerUpdate] {
        let known = state.withLock { state in
            state.isJoining = true
            return Set(state.known.keys)
        }
        defer { state.withLock { $0.isJoining = false } }
        var updates: [NRIContainerUpdate] = []
        for request in SynchronizeParts.split(await host.inventory(known)) {
            let answer: NRISynchronizeResponse? = try await plugin.ask("Synchronize", request)
            guard let answer else {
                throw PluginError(.broken, "Synchronize", plugin.name.description, plugin.connection.reason)
            }
            guard answer.more == request.more, !request.more || answer.update.isEmpty else {
                throw PluginError(.broken, "Synchronize", plugin.name.description, "it cannot take more than one part")
            }
            updates = answer.update
        }
        state.withLock { state in
            let place = state.plugins.firstIndex { plugin.name < $0.name } ?? state.plugins.endIndex
            state.plugins.insert(plugin, at: place)
        }
        // It may have left before it was on the list.
        guard plugin.connection.isOpen else {
            state.withLock { $0.plugins.removeAll { $0 === plugin } }
            throw PluginError(.broken, "Synchronize", plugin.name.description, plugin.connection.reason)
        }
        return updates
    }

    /// What plugins ask of the engine.
    private func serve(
        _ method: String, _ payload: [UInt8], _ number: Int, _ expected: PluginName?,
        _ registration: AsyncStream<PluginName>.Continuation
    ) async throws(PluginConnection.ServiceRefusal) -> [UInt8] {
        switch method {
        case "RegisterPlugin":
            let request: NRIRegisterPluginRequest = try Self.decode(payload)
            guard let name = expected ?? PluginName(index: request.pluginIdx, name: request.pluginName) else {
                throw .init(
                    code: 3,
                    text: "\"\(request.pluginIdx)\" and \"\(request.pluginName)\" are no index and name of a plugin")
            }
            registration.yield(name)
            registration.finish()
            return []
        case "UpdateContainers":
            let request: NRIUpdateContainersRequest = try Self.decode(payload)
            let isMember = state.withLock { state in
                state.plugins.contains { $0.connection === state.guests[number] }
            }
            guard isMember else { throw .init(code: 9, text: "the plugin has not registered") }
            let failed = await host.update(request.update)
            await host.evict(request.evict)
            let response = NRIUpdateContainersResponse.with { $0.failed = failed }
            return (try? response.serializedBytes()) ?? []
        default: throw .init(code: 12, text: "\"\(method)\" is no method")
        }
    }

    private static func decode<Request: Message>(
        _ payload: [UInt8]
    ) throws(PluginConnection.ServiceRefusal) -> Request {
        if let request = try? Request(serializedBytes: payload) { return request }
        throw .init(code: 3, text: "the request is malformed")
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
package import NRIAPI
internal import Synchronization

/// The plugins of the Node Resource Interface, and what they are told and asked in the life of pods and containers.
///
/// A pod or container is known from the moment that plugins are asked about its creation until they are told of its
/// removal. A plugin that comes is shown what is known, and from then on takes part: it hears of everything exactly once,
/// either way.
///
/// ## Concurrency model
/// Plugins are asked one after the other, about one thing at a time, and none joins meanwhile: all of that passes the gate.
/// The tables are under a mutex, which is never held across a wait. Without plugins nothing passes the gate and nothing
/// waits: what happens is noted under the mutex alone.
package final class PluginHub: Sendable {
    /// What the administrator sets.
    package struct Settings: Sendable {
        /// Where plugins connect; "" for nowhere.
        package var socket = ""
        /// Programs that are started: `10-name`.
        package var pluginFolder = ""
        /// What they get to read: `10-name.conf` or `name.conf`.
        package var configFolder = ""
        package var registrationTimeout = Duration.seconds(5)
        package var requestTimeout = Duration.seconds(2)
        package var runtimeVersion = ""
        /// By which changes are checked; nil for no rules.
        package var rules: AdjustmentRules?

        /// Without any plugin.
        package init() {}
    }

    /// What an event does to whom it is about.
    package enum Step: Sendable {
        /// It is made.
        case appears
        /// It goes on.
        case goesOn
        /// It is stopped: told once.
        case ends
        /// It is removed.
        case goes
    }

    enum Phase: Sendable {
        case alive
        case ended
    }

    struct State {
        /// In the order in which they are asked.
        var plugins: [Plugin] = []
        /// Connections by number, also of those that have not registered.
        var guests: [Int: PluginConnection] = [:]
        var nextGuest = 0
        /// A plugin is being shown what is known.
        var isJoining = false
        var known: [String: Phase] = [:]
    }

    let settings: Settings
    let loop: DescriptorLoop
    let host: any PluginHost
    let gate = SerialGate()
    let state = Mutex(State())
    let listener = Mutex<ConnectionListener?>(nil)

    /// Plugins can come after `start`.
    package init(_ settings: Settings, loop: DescriptorLoop, host: any PluginHost) {
        self.settings = settings
        self.loop = loop
        self.host = host
    }

    /// What the daemon has found again, with whether it has ended.
    package func recall(_ found: [String: Bool]) {
        state.withLock { state in state.known = found.mapValues { $0 ? .ended : .alive } }
    }

    /// Whether nobody has to be told. Then the step is noted, and that is all.
    package func isQuiet(_ id: String, _ step: Step) -> Bool {
        // Rules may want plugins that are not there.
        let isRuled = step == .appears && settings.rules != nil
        return state.withLock { state in
            if state.plugins.isEmpty, !state.isJoining, !isRuled {
                _ = Self.take(step, of: id, &state.known)
                return true
            }
            return step != .appears && (state.known[id] == nil || step == .ends && state.known[id] == .ended)
        }
    }

    /// Whether the step is one that it has not taken yet.
    private static func take(_ step: Step, of id: String, _ known: inout [String: Phase]) -> Bool {
        switch (step, known[id]) {
        case (.appears, _): known[id] = .alive
        case (_, nil), (.ends, .ended): return false
        case (.goesOn, _): break
        case (.ends, .alive): known[id] = .ended
        case (.goes, _): known[id] = nil
        }
        return true
    }

    /// The plugins that want the event; none when the step has been taken already.
    private func audience(_ event: NRIEvent, _ id: String, _ step: Step) -> [Plugin] {
        state.withLock { state in
            Self.take(step, of: id, &state.known) ? state.plugins.filter { $0.wants(event) } : []
        }
    }

    /// Tells of an event. What goes on can be refused by the first plugin that does not want it; an end is told to all,
    /// and the first refusal is thrown then.
    package func tell(_ event: NRIStateChangeEvent, _ id: String, _ step: Step) async throws(PluginError) {
        try await gate.pass { () async throws(PluginError) in
            var failure: PluginError?
            for plugin in audience(event.event, id, step) {
                do throws(PluginError) {
                    let _: NRIEmpty? = try await plugin.ask("StateChange", event)
                } catch {
                    let named = PluginError(error.code, event.event.words, error.plugin, error.cause)
                    if step == .appears || step == .goesOn { throw named }
                    failure = failure ?? named
                }
            }
            if let failure { throw failure }
        }
    }

    /// Asks how a container shall be made.
    package func create(_ original: NRICreateContainerRequest) async throws(PluginError) -> AdjustmentMerge {
        try await gate.pass { () async throws(PluginError) in
            var merge = AdjustmentMerge(original.container)
            var request = original
            for plugin in audience(.createContainer, original.container.id, .appears) {
                request.container = merge.container
                let answer: NRICreateContainerResponse? = try await plugin.ask("CreateContainer", request)
                if let answer { try merge.add(answer, of: plugin.name.description) }
            }
            try await validate(original, merge)
            return merge
        }
    }

    /// Asks how the limits of a container shall be changed.
    package func update(_ request: NRIUpdateContainerRequest) async throws(PluginError) -> UpdateMerge {
        try await gate.pass { () async throws(PluginError) in
            let id = request.container.id
            var merge = UpdateMerge(subject: id, resources: request.linuxResources)
            var request = request
            for plugin in audience(.updateContainer, id, .goesOn) {
                request.linuxResources = merge.resources
                let answer: NRIUpdateContainerResponse? = try await plugin.ask("UpdateContainer", request)
                guard let answer else { continue }
                try merge.add(answer.update, of: plugin.name.description)
                merge.evictions += answer.evict
            }
            return merge
        }
    }

    /// Tells that a container has ended, and asks what shall be changed of others.
    package func stop(_ request: NRIStopContainerRequest) async -> UpdateMerge {
        await gate.pass {
            var merge = UpdateMerge()
            for plugin in audience(.stopContainer, request.container.id, .ends) {
                do throws(PluginError) {
                    let answer: NRIStopContainerResponse? = try await plugin.ask("StopContainer", request)
                    if let answer { try merge.add(answer.update, of: plugin.name.description) }
                } catch {
                    host.report(.trouble("\(error)"))
                }
            }
            return merge
        }
    }

    /// Tells of new limits of a pod.
    package func updatePod(_ request: NRIUpdatePodSandboxRequest) async throws(PluginError) {
        try await gate.pass { () async throws(PluginError) in
            for plugin in audience(.updatePodSandbox, request.pod.id, .goesOn) {
                let _: NRIUpdatePodSandboxResponse? = try await plugin.ask("UpdatePodSandbox", request)
            }
        }
    }
}

extension NRIEvent {
    /// As the documentation of plugins calls it.
    var words: String {
        switch self {
        case .runPodSandbox: "RunPodSandbox"
        case .stopPodSandbox: "StopPodSandbox"
        case .removePodSandbox: "RemovePodSandbox"
        case .createContainer: "CreateContainer"
        case .postCreateContainer: "PostCreateContainer"
        case .startContainer: "StartContainer"
        case .postStartContainer: "PostStartContainer"
        case .updateContainer: "UpdateContainer"
        case .postUpdateContainer: "PostUpdateContainer"
        case .stopContainer: "StopContainer"
        case .removeContainer: "RemoveContainer"
        case .updatePodSandbox: "UpdatePodSandbox"
        case .postUpdatePodSandbox: "PostUpdatePodSandbox"
        case .validateContainerAdjustment: "ValidateContainerAdjustment"
        case .unknown, .UNRECOGNIZED: "event"
        }
    }
}

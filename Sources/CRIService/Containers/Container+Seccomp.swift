// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import ImageStore
internal import Linux
internal import Logging
internal import OCIRuntimeSpec

extension Container {
    /// Whether calls that the filter forbids end the container; nil where nobody wants to hear of them.
    private var forbiddenCallsEndIt: Bool? {
        let rules = engine.config.runtime.allowedAnnotations(ofHandler: handler.name, pod.config.annotations)
        return SeccompAnnotation.action(pod.config.annotations, rules).map { $0 == "stop" }
    }

    /// Where the filter shall hand over the calls that it forbids; nil where it shall refuse them itself.
    var wantedNotifier: String? { forbiddenCallsEndIt == nil ? nil : paths.seccompSocket(id) }

    /// Listens for calls, if the filter hands any over.
    func startNotifier(_ spec: Spec) throws {
        guard spec.linux?.seccomp?.listenerPath == paths.seccompSocket(id) else { return }
        try startNotifier()
    }

    /// The same for a container that the daemon finds. What has its filter already is answered by the kernel.
    func restartNotifier() {
        guard Syscall.exists(paths.seccompSocket(id)) else { return }
        do { try startNotifier() } catch {
            engine.log.error("container \"\(id)\": its forbidden system calls are not counted: \(error)")
        }
    }

    private func startNotifier() throws {
        let (metrics, name) = (engine.metrics, name)
        let end: @Sendable (String) async -> Void = { [weak self] calls in await self?.endForCalls(calls) }
        notifier?.end()
        notifier = try SeccompNotifier(
            paths.seccompSocket(id), engine.loop, onCall: { call in metrics.noteForbidden(call, of: name) },
            onSilence: forbiddenCallsEndIt == true ? end : nil)
    }

    private func endForCalls(_ calls: String) async {
        guard case .running = state else { return }
        engine.log.notice("container \"\(id)\" is ended: it used forbidden system calls: \(calls)")
        forbiddenCalls = calls
        do { try await stop(timeout: .zero) } catch { engine.log.error("\(error)") }
    }

    /// The profile that an annotation names, for a container that would have none.
    func annotatedSeccomp(_ image: Image, _ rules: [String]) async throws -> SeccompProfile? {
        let security = config.linux.securityContext
        guard !security.privileged, !security.hasSeccomp || security.seccomp.profileType == .unconfined,
            SeccompAnnotation.mayNameProfile(config.metadata.name, rules)
        else { return nil }
        let annotations = await engine.images.annotations(of: image)
        guard
            let (name, reference) = SeccompAnnotation.profile(
                of: config.metadata.name, pod: pod.config.annotations, image: annotations, rules)
        else { return nil }
        do {
            return try await engine.images.seccompProfile(reference, namespace: pod.config.metadata.namespace)
        } catch let error as CancellationError { throw error } catch {
            throw ServiceError.wrap(error, "obey annotation", name)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI

/// Ids and their prefixes.
enum Identity {
    enum Failure: Error, Equatable {
        case unknown
        /// The ids that begin so.
        case ambiguous([String])

        var cause: String {
            switch self {
            case .unknown: "not found"
            case .ambiguous(let ids): "ambiguous: " + ids.map(HumanUnits.shortID).joined(separator: ", ")
            }
        }
    }

    /// The id that is `text`, or the only one that begins with it.
    static func resolve(_ text: String, among ids: [String]) throws(Failure) -> String {
        if ids.contains(text) { return text }
        let matches = text.isEmpty ? [] : ids.filter { $0.hasPrefix(text) }
        guard let match = matches.first else { throw .unknown }
        guard matches.count == 1 else { throw .ambiguous(matches.sorted()) }
        return match
    }
}

extension Engine {
    /// The container that the text names; `operation` is what fails if there is none.
    func container(_ text: String, for operation: String) async throws -> Runtime_V1_Container {
        let all = try await containers()
        let id = try resolve(text, among: all.map(\.id), operation + " container")
        return all.first { $0.id == id } ?? Runtime_V1_Container()
    }

    /// The pod that the text names; `operation` is what fails if there is none.
    func pod(_ text: String, for operation: String) async throws -> Runtime_V1_PodSandbox {
        let all = try await pods()
        let id = try resolve(text, among: all.map(\.id), operation + " pod")
        return all.first { $0.id == id } ?? Runtime_V1_PodSandbox()
    }

    func containers(
        _ filter: Runtime_V1_ContainerFilter = Runtime_V1_ContainerFilter()
    ) async throws -> [Runtime_V1_Container] {
        var request = Runtime_V1_ListContainersRequest()
        request.filter = filter
        return try await call("list containers") {
            try await runtime.listContainers(request, options: $0).containers
        }
    }

    func pods(
        _ filter: Runtime_V1_PodSandboxFilter = Runtime_V1_PodSandboxFilter()
    ) async throws -> [Runtime_V1_PodSandbox] {
        var request = Runtime_V1_ListPodSandboxRequest()
        request.filter = filter
        return try await call("list pods") {
            try await runtime.listPodSandbox(request, options: $0).items
        }
    }

    func status(ofContainer id: String, verbose: Bool = false) async throws -> Runtime_V1_ContainerStatusResponse {
        var request = Runtime_V1_ContainerStatusRequest()
        request.containerID = id
        request.verbose = verbose
        return try await call("read status of container", id) {
            try await runtime.containerStatus(request, options: $0)
        }
    }

    private func resolve(_ text: String, among ids: [String], _ operation: String) throws -> String {
        do {
            return try Identity.resolve(text, among: ids)
        } catch {
            var failure = CommandError(operation, text, error.cause)
            failure.saysAbsent = error == .unknown
            throw failure
        }
    }
}

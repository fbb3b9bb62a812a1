// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import NIOHTTP1
internal import OCIImageSpec

extension RegistryClient {
    /// A request for something below the repository.
    func request(
        _ path: String, _ method: HTTPMethod = .GET, digestIsKnown: Bool = false
    ) async throws -> HTTPConnections.Request {
        let endpoint = try await host.endpoint()
        guard let url = URL(string: "\(endpoint.base.absoluteString)/v2/\(location.path)/\(path)") else {
            throw RequestFailure(.invalid, "\(path) makes no URL")
        }
        return HTTPConnections.Request(method: method, url: url, plainRedirectAllowed: digestIsKnown)
    }

    /// Sends a request, authenticated as the registry wants it, and returns an answer of a good status; `step` names it
    /// in errors. A token that has run out is replaced once, unless the body cannot be sent again.
    func authenticated(_ request: HTTPConnections.Request, _ step: String) async throws -> HTTPConnections.Answer {
        var request = request
        request.transport = host.transport
        let endpoint = try await host.endpoint()
        // An upload may go on at another server, which is not to know us.
        guard request.url.origin == endpoint.base.origin else {
            request.transport.certificates.client = nil
            return try await checked(try await send(request), step)
        }
        request.authorization = try await authenticator.authorization(endpoint.challenges, request.otherScopes)
        let answer = try await send(request)
        guard answer.status == .unauthorized, answer.url.origin == request.url.origin else {
            return try await checked(answer, step)
        }
        authenticator.forget(request.authorization)
        let challenges = Challenge.parse(answer.headers["www-authenticate"])
        if case .stream = request.body {
            host.learn(challenges)
            var failure = try await connections.failure(answer).during(step)
            failure.retry = .later()
            throw failure
        }
        let renewed = try await authenticator.authorization(challenges, request.otherScopes, isRefused: true)
        guard let renewed, renewed != request.authorization else { return try await checked(answer, step) }
        host.learn(challenges)
        // Reads the refusal, so that its connection can be used again.
        _ = try await connections.failure(answer)
        request.authorization = renewed
        return try await checked(try await send(request), step)
    }

    private func send(_ request: HTTPConnections.Request) async throws -> HTTPConnections.Answer {
        do {
            return try await connections.send(request)
        } catch let failure as RequestFailure where failure.code == .unavailable {
            host.forgetEndpoint()
            throw failure
        }
    }

    private func checked(_ answer: HTTPConnections.Answer, _ step: String) async throws -> HTTPConnections.Answer {
        if (200...299).contains(answer.status.code) { return answer }
        throw try await connections.failure(answer).during(step)
    }
}

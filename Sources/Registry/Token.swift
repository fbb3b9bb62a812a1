// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials

/// A bearer token and the time until which it is worth using.
struct Token: Sendable {
    var text: String
    var expiry: ContinuousClock.Instant

    /// Whether the token will still be good when a request with it arrives.
    func isFresh(at now: ContinuousClock.Instant) -> Bool { now < expiry }

    /// Reads a token server's answer.
    ///
    /// Servers differ: the token is in `token` or `access_token`, `expires_in` may be missing (60 seconds then) or a
    /// decimal number, `issued_at` may be missing or come from another clock, so only the time of receipt counts.
    /// Source: distribution, docs/spec/auth/token.md.
    init(parsing body: [UInt8], received: ContinuousClock.Instant) throws(RequestFailure) {
        struct Answer: Decodable {
            var token: String?
            var accessToken: String?
            var lifetime: Double?

            enum CodingKeys: String, CodingKey {
                case token
                case accessToken = "access_token"
                case lifetime = "expires_in"
            }
        }
        let answer: Answer
        do {
            answer = try JSONDecoder().decode(Answer.self, from: Data(body))
        } catch {
            throw RequestFailure(.invalid, "the answer is not a token document")
        }
        let found = [answer.token, answer.accessToken].compactMap { $0 }.first { !$0.isEmpty }
        guard let found, found.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw RequestFailure(.invalid, "the answer has no token")
        }
        let lifetime = min(max(answer.lifetime ?? 60, 60), 86400)
        text = found
        // A tenth early: the clocks may differ, and the request takes its time.
        expiry = received + .seconds(lifetime * 0.9)
    }
}

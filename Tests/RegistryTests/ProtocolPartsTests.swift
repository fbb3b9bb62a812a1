// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials
import NIOHTTP1
import OCIImageSpec
import Testing

@testable import Registry

@Suite struct ProtocolPartsTests {
    static let challenges: [(String, [Challenge])] = [
        ("Basic realm=\"r\"", [Challenge(scheme: "basic", parameters: ["realm": "r"])]),
        ("basic realm=r", [Challenge(scheme: "basic", parameters: ["realm": "r"])]),
        (
            "Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull,push\"",
            [
                Challenge(
                    scheme: "bearer",
                    parameters: ["realm": "https://a/t", "service": "s", "scope": "repository:x:pull,push"])
            ]
        ),
        (
            "Negotiate, Bearer REALM = \"a\\\"b\" , Basic realm=\"x\"",
            [
                Challenge(scheme: "negotiate"), Challenge(scheme: "bearer", parameters: ["realm": "a\"b"]),
                Challenge(scheme: "basic", parameters: ["realm": "x"]),
            ]
        ),
        (
            "Negotiate YWJj/A==, Basic realm=x",
            [
                Challenge(scheme: "negotiate"), Challenge(scheme: "basic", parameters: ["realm": "x"]),
            ]
        ),
        ("Bearer realm=\"open", [Challenge(scheme: "bearer", parameters: ["realm": "open"])]),
        ("Bearer a=b, realm=", [Challenge(scheme: "bearer", parameters: ["a": "b", "realm": ""])]),
        (",, Basic", [Challenge(scheme: "basic")]),
        ("", []),
        ("\"", []),
    ]

    @Test(arguments: challenges) func readsChallenges(_ header: String, _ found: [Challenge]) {
        #expect(Challenge.parse([header]) == found)
    }

    @Test func readsSeveralHeaders() {
        #expect(
            Challenge.parse(["Basic realm=a", "Bearer realm=b"]).map(\.scheme) == ["basic", "bearer"])
    }

    static let pauses: [(String?, Duration?)] = [
        (nil, nil), ("", nil), ("soon", nil), ("0", .zero), ("7", .seconds(7)), ("-3", .zero),
        ("99999999999", .seconds(86400)), ("99999999999999999999", nil),
        ("Sun, 06 Nov 1994 08:49:47 GMT", .seconds(10)), ("Sun, 06 Nov 1994 08:49:27 GMT", .zero),
        ("Tue, 08 Nov 1994 08:49:27 GMT", .seconds(86400)), ("Sun, 06 Nov 1994 08:49 GMT", nil),
        ("Sun, 06 Foo 1994 08:49:47 GMT", nil), ("Sun, 06 Nov 1994 99:49:47 GMT", nil),
    ]

    @Test(arguments: pauses) func readsRetryAfter(_ header: String?, _ pause: Duration?) {
        // Sun, 06 Nov 1994 08:49:37 GMT
        #expect(retryAfter(header, now: 784_111_777) == pause)
    }

    @Test func readsLeapDays() {
        #expect(retryAfter("Thu, 29 Feb 2024 00:00:05 GMT", now: 1_709_164_800) == .seconds(5))
        #expect(retryAfter("Fri, 01 Mar 2024 00:00:05 GMT", now: 1_709_251_200) == .seconds(5))
        #expect(retryAfter("Thu, 01 Jan 1970 00:00:05 GMT", now: 0) == .seconds(5))
    }

    @Test func backsOff() {
        var settings = RegistrySettings()
        settings.firstDelay = .seconds(1)
        settings.longestDelay = .seconds(10)
        settings.retries = 5
        var backoff = Backoff(settings)
        let asked: [Duration?] = [nil, nil, .seconds(7), .seconds(60), nil, nil]
        #expect(
            asked.map { backoff.next(atLeast: $0, chance: 0) }
                == [.seconds(1), .seconds(2), .seconds(7), .seconds(10), .seconds(10), nil])
        backoff.reset()
        #expect(backoff.next(atLeast: nil, chance: 1) == .seconds(2))
    }

    static let redirects: [(String, String, Bool)] = [
        ("https://r.io/a", "/b", true), ("https://r.io/a", "https://r.io:443/b", true),
        ("https://r.io/a", "https://R.IO/b", true), ("https://r.io/a", "https://r.io:444/b", false),
        ("https://r.io/a", "https://r.io.evil/b", false), ("https://r.io/a", "//evil/b", false),
        ("https://r.io/a", "https://r.io@evil/b", false), ("http://r.io/a", "https://r.io/b", false),
        ("https://[::1]:5/a", "https://[::1]:5/b", true),
    ]

    @Test(arguments: redirects) func knowsTheSameServer(
        _ from: String, _ location: String, _ same: Bool
    ) throws {
        let origin = try #require(URL(string: from))
        let redirect = try Redirect(
            status: .found, location: location, from: origin, plainAllowed: false)
        #expect(redirect?.staysOnServer == same)
    }

    @Test func leavesTLSOnlyWhereAllowed() throws {
        let origin = try #require(URL(string: "https://r.io/a"))
        #expect(throws: RequestFailure.self) {
            try Redirect(status: .found, location: "http://r.io/b", from: origin, plainAllowed: false)
        }
        let redirect = try Redirect(
            status: .found, location: "http://r.io/b", from: origin, plainAllowed: true)
        #expect(redirect?.staysOnServer == false)
        #expect(
            try Redirect(status: .ok, location: "http://r.io/b", from: origin, plainAllowed: false) == nil
        )
        #expect(
            try Redirect(status: .notModified, location: "/b", from: origin, plainAllowed: false) == nil)
    }

    static let tokens: [(String, String, Double)] = [
        (#"{"token":"a"}"#, "a", 54), (#"{"access_token":"b","expires_in":5}"#, "b", 54),
        (#"{"token":"","access_token":"c","expires_in":300}"#, "c", 270),
        (#"{"token":"d","expires_in":299.5,"issued_at":"garbage"}"#, "d", 269.55),
    ]

    @Test(arguments: tokens) func readsTokens(_ text: String, _ value: String, _ lifetime: Double)
        throws
    {
        let now = ContinuousClock.now
        let token = try Token(parsing: Array(text.utf8), received: now)
        #expect(token.text == value)
        #expect(token.isFresh(at: now + .seconds(lifetime - 0.01)))
        #expect(!token.isFresh(at: now + .seconds(lifetime + 0.01)))
    }

    @Test func credentialsAreNotShown() {
        let secret = RegistryCredentials.password(user: "u", password: "hush")
        #expect(
            !"\(secret)\(String(reflecting: secret))\([secret])\(Optional(secret) as Any)".contains(
                "hush"))
    }

    @Test func formsAreEscaped() {
        #expect(Authenticator.form([("a", "b c+/é"), ("d", "~-._")]) == "a=b%20c%2B%2F%C3%A9&d=~-._")
    }
}

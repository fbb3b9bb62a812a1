// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials
import NIOHTTP1
import OCIImageSpec
import TestSupport
import Testing

@testable import Registry

/// Proxies, and how much is asked for at once.
@Suite struct ProxyTests {
    @Test(arguments: [
        ("http://a.example/", "p"), ("https://a.example/", "s"), ("http://no.example/", nil),
        ("http://x.no.example/", nil),
        ("http://notno.example/", "p"), ("http://sub.example/", "p"), ("http://x.sub.example/", nil),
        ("http://star.example/", "p"), ("http://x.star.example/", nil), ("http://port.example:81/", nil),
        ("http://port.example:80/", "p"), ("http://10.1.2.3/", nil), ("http://11.1.2.3/", "p"),
        ("http://192.168.7.8/", nil), ("http://192.168.7.9/", "p"), ("http://[fd00::1]/", nil),
        ("http://[fe00::1]/", "p"),
        ("http://[2001:db8::1]:81/", nil), ("http://127.0.0.1:5000/", nil), ("http://localhost/", nil),
        ("http://[::1]/", nil),
    ])
    func exceptionsAreKept(url: String, host: String?) throws {
        let settings = ProxySettings(environment: [
            "HTTP_PROXY": "http://p:1", "https_proxy": "user:secret@s", "HTTPS_PROXY": "http://ignored:2",
            "NO_PROXY":
                "no.example, .sub.example,*.star.example,port.example:81,10.0.0.0/8 192.168.7.8,fd00::/8,[2001:db8::1]:81",
        ])
        #expect(try settings.server(for: try #require(URL(string: url)))?.host == host)
    }

    @Test func theAddressIsTakenApart() throws {
        let url = try #require(URL(string: "http://a.example/"))
        let proxy = try ProxySettings(environment: ["http_proxy": "http://u%40x:p%3A@p.example:81"]).server(for: url)
        #expect(proxy == ProxyServer(kind: .http, host: "p.example", port: 81, user: "u@x", password: "p:"))
        #expect(try ProxySettings(environment: ["http_proxy": "socks5://p"]).server(for: url)?.port == 1080)
        #expect(try ProxySettings(environment: ["HTTP_PROXY": "p", "REQUEST_METHOD": "GET"]).server(for: url) == nil)
        #expect(throws: RequestFailure.self) {
            try ProxySettings(environment: ["http_proxy": "gopher://p"]).server(for: url)
        }
    }

    @Test func requestsGoThroughTheProxy() async throws {
        let bytes = pattern(1000)
        let proxy = try await ScriptedServer { request in
            if request.method == "CONNECT" { return ScriptedServer.Reply(status: .notImplemented) }
            return request.path.hasSuffix("/v2/") ? ScriptedServer.Reply() : ScriptedServer.Reply(body: bytes)
        }
        var settings = RegistrySettings()
        settings.insecure = ["registry.invalid:5000"]
        settings.firstDelay = .milliseconds(1)
        let address = "http://u:p@\(proxy.address)"
        settings.proxies = ProxySettings(environment: ["http_proxy": address, "https_proxy": address])
        // The name has no address, so that the proxy alone can have answered.
        let client = Registries(settings).client(try Reference(parsing: "registry.invalid:5000/x"))
        let descriptor = Descriptor(mediaType: .layer, digest: Digest(of: bytes), size: 1000)
        #expect(try await client.content(descriptor) == bytes)
        #expect(proxy.requests.contains { $0.method == "CONNECT" && $0.path == "registry.invalid:5000" })
        #expect(proxy.requests.last?.path == "http://registry.invalid:5000/v2/x/blobs/\(descriptor.digest)")
        #expect(proxy.requests.last?["proxy-authorization"] == "Basic dTpw")
    }

    @Test func permitsAreCounted() async throws {
        let permits = Permits(2)
        let running = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await permits.run {
                        await running.enter()
                        for _ in 0..<10 { await Task.yield() }
                        await running.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(await running.most <= 2)
        // Whoever is cancelled while waiting takes no permit away.
        let gate = Gate()
        let holders = (0..<2).map { _ in Task { try await permits.run { await gate.wait() } } }
        let waiting = Task { try await permits.run {} }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        await gate.open()
        for holder in holders { try await holder.value }
        try await permits.run {}
    }

    private actor Counter {
        private var now = 0
        private(set) var most = 0
        func enter() {
            now += 1
            most = max(most, now)
        }
        func leave() { now -= 1 }
    }

    private actor Gate {
        private var isOpen = false
        private var waiting: [CheckedContinuation<Void, Never>] = []
        func wait() async {
            if !isOpen { await withCheckedContinuation { waiting.append($0) } }
        }
        func open() {
            isOpen = true
            for waiter in waiting { waiter.resume() }
        }
    }
}

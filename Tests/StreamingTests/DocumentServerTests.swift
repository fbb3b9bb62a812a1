// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@testable import Streaming

@Suite struct DocumentServerTests {
    @Test(arguments: [
        ("/run/a.sock", DocumentServer.Place.socket("/run/a.sock")),
        ("127.0.0.1:9090", .port(address: "127.0.0.1", 9090)), ("[::1]:80", .port(address: "::1", 80)), ("::1:80", nil),
        ("localhost:80", nil), ("127.0.0.1", nil), ("127.0.0.1:65536", nil), ("", nil),
    ])
    func placesAreRead(text: String, place: DocumentServer.Place?) {
        #expect(DocumentServer.Place(text) == place)
        if let place { #expect("\(place)" == text) }
    }

    /// Sends the request in two pieces, and reads until the server closes.
    private func answer(_ request: String, at path: String) throws -> String {
        let socket = try UnixSocket.connect(path)
        let bytes = Array(request.utf8)
        try socket.descriptor.writeAll(Array(bytes.prefix(7)))
        try socket.descriptor.writeAll(Array(bytes.dropFirst(7)))
        return String(decoding: try socket.descriptor.readAll(limit: 1 << 20), as: UTF8.self)
    }

    @Test func servesWhatThereIs() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/socket"
        // What a server that was killed leaves.
        _ = try UnixSocket.listen(path)
        let server = try await DocumentServer.start(.socket(path)) { _ in
        } _: { path in
            path == "/a" ? Document(type: "text/plain", "hello") : nil
        }
        let (good, missing, wrong, broken, head) = try await BlockingPool.run {
            (
                try answer("GET /a?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", at: path),
                try answer("GET /b HTTP/1.1\r\n\r\n", at: path), try answer("PUT /a HTTP/1.1\r\n\r\n", at: path),
                try answer("GET\u{1}/a HTTP/1.1\r\n\r\n", at: path), try answer("HEAD /a HTTP/1.1\r\n\r\n", at: path)
            )
        }
        #expect(
            good == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
        )
        #expect(missing.hasPrefix("HTTP/1.1 404 ") && missing.hasSuffix("there is nothing at /b\n"))
        #expect(head.hasPrefix("HTTP/1.1 200 ") && head.hasSuffix("\r\n\r\n"))
        #expect(wrong.hasPrefix("HTTP/1.1 405 "))
        #expect(broken.hasPrefix("HTTP/1.1 400 "))
        #expect(try Syscall.status(path).mode & 0o777 == 0o660)
        await #expect(throws: SystemError.self) {
            // Somebody serves there.
            _ = try await DocumentServer.start(.socket(path)) { _ in
            } _: { _ in
                nil
            }
        }
        await server.close()
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import Synchronization
import TestSupport
import Testing

@testable import Streaming

@Suite struct DocumentServerTests {
    @Test(arguments: [
        ("/run/a.sock", DocumentServer.Place.socket("/run/a.sock")),
        ("127.0.0.1:9537", .port(address: "127.0.0.1", 9537)), ("[::1]:80", .port(address: "::1", 80)), ("::1:80", nil),
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
        } _: { request in
            if request.path == "/busy" { return Document(request.isHead ? .methodNotAllowed : .conflict, "not now") }
            return request.path == "/a" ? Document(type: "text/plain", "hello") : nil
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
        let (busy, busyHead) = try await BlockingPool.run {
            (
                try answer("GET /busy HTTP/1.1\r\n\r\n", at: path),
                try answer("HEAD /busy HTTP/1.1\r\n\r\n", at: path)
            )
        }
        #expect(busy.hasPrefix("HTTP/1.1 409 Conflict\r\n") && busy.hasSuffix("\r\n\r\nnot now\n"))
        #expect(busyHead.hasPrefix("HTTP/1.1 405 ") && busyHead.hasSuffix("\r\n\r\n"))
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

    @Test func theFolderIsMade() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/a/b/socket"
        let server = try await DocumentServer.start(.socket(path)) { _ in
        } _: { _ in
            Document(type: "text/plain", "hello")
        }
        let text = try await BlockingPool.run { try answer("GET /a HTTP/1.1\r\n\r\n", at: path) }
        #expect(text.hasSuffix("hello"))
        await server.close()
    }

    /// Those that say nothing hold the places; one too many is closed while they are not, and they after their time.
    @Test func connectionsAreBounded() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/socket"
        let server = try await DocumentServer.start(.socket(path)) { _ in
        } _: { _ in
            Document(type: "text/plain", "hello")
        }
        try await BlockingPool.run {
            var silent: [SharedFD] = []
            for _ in 0...DocumentServer.mostConnections {
                silent.append(SharedFD(OwnedFD(adopting: try UnixSocket.connect(path).release())))
            }
            func ended() throws -> Int {
                try silent.count { try !Syscall.poll($0.rawValue, for: .readable, milliseconds: 0).isEmpty }
            }
            try eventually("one too many is closed") { try ended() > 0 }
            #expect(try ended() == 1)
            for socket in silent { #expect(try socket.descriptor.readAll(limit: 1).isEmpty) }
            #expect(try answer("GET /a HTTP/1.1\r\n\r\n", at: path).hasSuffix("hello"))
        }
        await server.close()
    }

    @Test func aDocumentIsMadeOnceAtATime() async throws {
        let (started, begin) = AsyncStream<Void>.makeStream()
        let (finished, finish) = AsyncStream<Void>.makeStream()
        let count = Mutex(0)
        let answers = SharedAnswers { request in
            let number = count.withLock { count in
                count += 1
                return count
            }
            begin.yield()
            for await _ in finished { break }
            return Document(type: request.path, "\(number)")
        }
        async let first = answers.answer(DocumentRequest("/a"))
        for await _ in started { break }
        async let second = answers.answer(DocumentRequest("/a"))
        // It has to have joined before the first is there.
        while await answers.joined == 0, count.withLock({ $0 }) == 1 { await Task.yield() }
        // Once for all: a second maker must not hang the test.
        finish.finish()
        #expect(await [first, second].map { $0?.text } == ["1", "1"])
        #expect(await answers.answer(DocumentRequest("/a"))?.text == "2")
    }
}

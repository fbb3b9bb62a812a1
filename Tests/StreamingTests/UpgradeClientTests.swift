// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import StreamFraming
import Testing

@testable import Streaming

@Suite struct UpgradeClientTests {
    private static let times = 50

    /// What came before is read all the same: that the server is gone shows by the first that is written, or later.
    @Test(.timeLimit(.minutes(1)), arguments: StreamTransport.allCases)
    func aServerIsKilledWhenItHasAgreed(_ transport: StreamTransport) async throws {
        let listener = SharedFD(try InternetSocket.listen("127.0.0.1", port: 0))
        let url = "http://127.0.0.1:\(try InternetSocket.localPort(listener.rawValue))/exec/1"
        async let server: Void = FreshThread.run { () throws(Errno) in
            for _ in 0..<Self.times { try Self.agree(listener.rawValue) }
        }
        let terms = RemoteCommandClient.Terms(streams: StandardStreams(stdout: true, stderr: true))
        for _ in 0..<Self.times {
            // Thrown is what the kernel said of the connection.
            let outcome = try? await RemoteCommandClient.run(url, trust: ServerTrust(), over: transport, terms)
            if case .failed = outcome {} else { #expect(outcome == nil) }
        }
        try await server
    }

    /// Agrees to one request, and resets the connection.
    private static func agree(_ listener: Int32) throws(Errno) {
        _ = try Syscall.poll(listener, for: .readable, milliseconds: 10_000)
        let connection = try InternetSocket.accept(listener)
        var reader = HTTPHeadReader()
        while true {
            _ = try Syscall.poll(connection.rawValue, for: .readable, milliseconds: 10_000)
            let bytes = try Syscall.read(connection.rawValue, upTo: 4096)
            guard let (head, _) = (try? reader.read(bytes)).flatMap(\.self) else { continue }
            try connection.writeAll(consent(to: head).bytes)
            return InternetSocket.resetOnClose(connection.rawValue)
        }
    }

    private static func consent(to request: HTTPHead) -> HTTPHead {
        var fields = [HTTPHead.Field("Connection", "Upgrade")]
        for name in ["X-Stream-Protocol-Version", "Sec-WebSocket-Protocol"] {
            guard let wish = request.values(name).first?.split(separator: ",").first else { continue }
            fields.append(HTTPHead.Field(name, String(wish)))
        }
        if let key = request.values("Sec-WebSocket-Key").first {
            fields.append(HTTPHead.Field("Sec-WebSocket-Accept", Upgrade.accept(key)))
        }
        return HTTPHead(line: ["HTTP/1.1", "101", "Switching Protocols"], fields: fields)
    }
}

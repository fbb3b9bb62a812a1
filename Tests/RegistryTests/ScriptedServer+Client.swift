// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import NIOHTTP1
import OCIImageSpec
import Registry

/// A blob of a scripted server.
struct ScriptedBlob: Sendable {
    let bytes: [UInt8]
    let descriptor: Descriptor
    /// Where the client asks for it.
    let path: String

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        descriptor = Descriptor(mediaType: .layer, digest: Digest(of: bytes), size: Int64(bytes.count))
        path = "/v2/x/blobs/\(descriptor.digest)"
    }

    /// The part a request asks for, as a server that supports ranges sends it.
    func range(_ request: ScriptedServer.Request, ending: ScriptedServer.Reply.Ending = .complete)
        -> ScriptedServer.Reply
    {
        let start = request.rangeStart
        if start == 0 { return ScriptedServer.Reply(body: bytes, ending: ending) }
        return ScriptedServer.Reply(
            status: .partialContent,
            headers: ["content-range": "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"],
            body: Array(bytes[start...]), ending: ending)
    }

    /// The first bytes of an answer of full length, and then as `ending` says.
    func beginning(_ count: Int, _ ending: ScriptedServer.Reply.Ending) -> ScriptedServer.Reply {
        ScriptedServer.Reply(
            headers: ["content-length": "\(bytes.count)"], body: Array(bytes[..<count]), ending: ending)
    }
}

extension ScriptedServer.Request {
    /// The N of `bytes=N-`, or 0.
    var rangeStart: Int { self["range"].flatMap { Int($0.dropFirst(6).dropLast()) } ?? 0 }
}

extension ScriptedServer {
    /// A client of the repository `x` that does not wait long.
    func client(
        _ credentials: RegistryCredentials? = nil, stall: Duration = .seconds(60), retries: Int = 3
    ) throws -> RegistryClient {
        var settings = RegistrySettings()
        settings.insecure = [address]
        settings.firstDelay = .milliseconds(2)
        settings.stallTimeout = stall
        settings.retries = retries
        return Registries(settings).client(
            try Reference(parsing: "\(address)/x"), credentials: credentials)
    }
}

extension RegistryClient {
    /// The whole blob, without a check of its digest.
    func content(_ descriptor: Descriptor) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        try await blob(descriptor) { bytes += $0 }
        return bytes
    }

    /// The error that fetching the blob ends with.
    func failure(_ descriptor: Descriptor) async -> RegistryError? {
        do {
            try await blob(descriptor) { _ in }
            return nil
        } catch {
            return error as? RegistryError
        }
    }

    /// The error that fetching the manifest ends with.
    func failure(_ selector: ManifestSelector) async -> RegistryError? {
        do {
            _ = try await manifest(selector)
            return nil
        } catch {
            return error as? RegistryError
        }
    }
}

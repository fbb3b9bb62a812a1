// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import AsyncHTTPClient
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

extension RequestFailure {
    /// The failure that an error of the HTTP client stands for; `peer` is `host:port`. Cancellation is passed on as
    /// such by throwing it.
    init(_ error: any Error, peer: String, _ settings: RegistrySettings) throws(CancellationError) {
        switch error {
        case let error as RequestFailure: self = error
        case is CancellationError: throw CancellationError()
        case let error as HTTPClientError where error == .cancelled: throw CancellationError()
        case let error as NIOConnectionError: self = Self.connecting(error, peer)
        case let error as IOError: self = Self.io(error, peer)
        case let error as HTTPParserError where error == .headerOverflow:
            self.init(.invalid, "\(peer) sends headers that are too long")
        case is HTTPParserError: self.init(.unavailable, "\(peer) sends malformed HTTP", retry: .later())
        case let error as HTTPClientError: self = Self.client(error, peer, settings)
        case is ChannelError: self = Self.closed(peer)
        case let error as Pace.TooSlow:
            self.init(.unavailable, "\(peer) sends less than \(error.least) bytes per second", retry: .later())
        default: self = Self.isTLS(error) ? Self.tls(error, peer) : Self.other(error, peer)
        }
    }

    private static func connecting(_ error: NIOConnectionError, _ peer: String) -> RequestFailure {
        guard let cause = error.connectionErrors.last?.error else {
            return RequestFailure(.unavailable, "look up \(error.host): no such host", retry: .refused)
        }
        if let cause = cause as? IOError { return io(cause, peer) }
        if isTLS(cause) { return tls(cause, peer) }
        return RequestFailure(.unavailable, "connect to \(peer): no answer", retry: .later())
    }

    private static func io(_ error: IOError, _ peer: String) -> RequestFailure {
        switch error.errnoCode {
        case ECONNREFUSED: RequestFailure(.unavailable, "connect to \(peer): connection refused", retry: .refused)
        case ENETUNREACH: RequestFailure(.unavailable, "connect to \(peer): network is unreachable", retry: .later())
        case EHOSTUNREACH: RequestFailure(.unavailable, "connect to \(peer): no route to host", retry: .later())
        case ETIMEDOUT: RequestFailure(.unavailable, "connect to \(peer): timed out", retry: .later())
        case ECONNRESET, EPIPE: closed(peer)
        default: RequestFailure(.unavailable, "connect to \(peer): \(error.description)", retry: .later())
        }
    }

    private static func client(
        _ error: HTTPClientError, _ peer: String, _ settings: RegistrySettings
    ) -> RequestFailure {
        let stall = "\(peer) sent nothing for \(settings.stallTimeout)"
        return switch error {
        case .readTimeout, .deadlineExceeded: RequestFailure(.unavailable, stall, retry: .later())
        case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout:
            RequestFailure(
                .unavailable, "connect to \(peer): no answer for \(settings.connectTimeout)", retry: .later())
        case .remoteConnectionClosed, .uncleanShutdown: closed(peer)
        default: RequestFailure(.unavailable, "\(peer): \(error.shortDescription)", retry: .later())
        }
    }

    static func closed(_ peer: String) -> RequestFailure {
        RequestFailure(.unavailable, "\(peer) broke the connection", retry: .later())
    }

    private static func other(_ error: any Error, _ peer: String) -> RequestFailure {
        RequestFailure(.unavailable, "\(peer): \(plain("\(error)"))", retry: .later())
    }

    private static func isTLS(_ error: any Error) -> Bool {
        error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError
    }

    /// BoringSSL's reasons are only in its text.
    private static func tls(_ error: any Error, _ peer: String) -> RequestFailure {
        let text = "\(error)"
        let reasons = [
            ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted"),
            ("unableToValidateCertificate", "its certificate is not trusted"),
            ("failedToValidateHostname", "its certificate is for another host"),
            ("WRONG_VERSION_NUMBER", "it does not speak TLS; declare the registry insecure to use plain HTTP"),
            ("HTTP_REQUEST", "it does not speak TLS; declare the registry insecure to use plain HTTP"),
            ("CERTIFICATE_EXPIRED", "its certificate has expired"),
            ("UNSUPPORTED_PROTOCOL", "it only speaks versions of TLS that are too old"),
        ]
        guard let reason = reasons.first(where: { text.contains($0.0) })?.1 else {
            return RequestFailure(.unavailable, "TLS with \(peer): \(plain(text))", retry: .later())
        }
        return RequestFailure(.unavailable, "TLS with \(peer): \(reason)")
    }
}

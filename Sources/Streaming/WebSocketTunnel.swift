// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NIOCore
internal import StreamFraming

/// SPDY inside of a WebSocket, as Kubernetes' clients forward ports: the bytes of one connection are the contents of
/// binary messages, however they are cut. The name of the protocol is `SPDY/3.1+portforward.k8s.io`.
///
/// Stands between the connection and the handler of SPDY, for which it is the connection.
///
/// ## Concurrency model
/// Belongs to the event loop of its channel.
final class WebSocketTunnel: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let isServer: Bool
    private var decoder: WebSocketDecoder
    private var hasSaidGoodbye = false
    /// What a ping held whose answer waits for a peer that does not read. Of several it is the last: RFC 6455, section 5.5.3,
    /// asks for no more.
    private var unanswered: [UInt8]?

    init(isServer: Bool) {
        self.isServer = isServer
        decoder = WebSocketDecoder(fromClient: isServer)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.feed(Array(unwrapInboundIn(data).readableBytesView))
        do throws(WireError) {
            while let frame = try decoder.next() {
                switch frame {
                case .piece(let bytes, _): context.fireChannelRead(wrapInboundOut(ByteBuffer(bytes: bytes)))
                case .ping(let bytes): answer(bytes, context)
                case .pong: break
                // From the end of the pipeline, so that it is answered below.
                case .close: return context.channel.close(promise: nil)
                }
            }
        } catch {
            context.fireErrorCaught(error)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let message = WebSocketFrame.message(unwrapOutboundIn(data).readableBytesView)
        context.write(wrapOutboundOut(ByteBuffer(bytes: message.encoded(byServer: isServer))), promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if !hasSaidGoodbye { send(.close(code: 1000), context) }
        hasSaidGoodbye = true
        context.close(mode: mode, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, let bytes = unanswered {
            unanswered = nil
            send(.pong(bytes), context)
        }
        context.fireChannelWritabilityChanged()
    }

    private func answer(_ ping: [UInt8], _ context: ChannelHandlerContext) {
        if context.channel.isWritable { send(.pong(ping), context) } else { unanswered = ping }
    }

    private func send(_ frame: WebSocketFrame, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: frame.encoded(byServer: isServer))), promise: nil)
    }
}

extension WebSocketFrame {
    /// A client's frames are masked, each with a key of its own.
    func encoded(byServer isServer: Bool) -> [UInt8] {
        encoded(mask: isServer ? nil : (0..<4).map { _ in UInt8.random(in: .min ... .max) })
    }
}

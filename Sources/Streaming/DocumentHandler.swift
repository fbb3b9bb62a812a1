// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NIOCore
internal import NIOHTTP1

/// Reads the one request of a connection to a `DocumentServer`, and answers.
///
/// ## Concurrency model
/// Belongs to the event loop of its channel.
final class DocumentHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    /// How long a client may take for the head of its request: it holds one of few places.
    private static let patienceForHead = TimeAmount.seconds(5)
    /// How long the answer may take to be made and to be read.
    private static let patienceForAnswer = TimeAmount.seconds(60)

    private let answers: SharedAnswers
    private var timeout: Scheduled<Void>?
    private var isDone = false

    init(_ answers: SharedAnswers) { self.answers = answers }

    func handlerAdded(context: ChannelHandlerContext) { close(context.channel, in: Self.patienceForHead) }
    func channelInactive(context: ChannelHandlerContext) { timeout?.cancel() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let request) = unwrapInboundIn(data), !isDone else { return }
        isDone = true
        let channel = context.channel
        close(channel, in: Self.patienceForAnswer)
        guard request.method == .GET || request.method == .HEAD else {
            return Self.send(Document(.methodNotAllowed, "want GET"), to: request, channel)
        }
        var wanted = DocumentRequest(String(request.uri.prefix { $0 != "?" }))
        wanted.isHead = request.method == .HEAD
        channel.eventLoop.makeFutureWithTask { [answers, wanted] in await answers.answer(wanted) }
            .whenSuccess { [path = wanted.path] document in
                Self.send(document ?? Document(.notFound, "there is nothing at \(path)"), to: request, channel)
            }
    }

    private func close(_ channel: any Channel, in time: TimeAmount) {
        timeout?.cancel()
        timeout = channel.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }

    private static func send(_ document: Document, to request: HTTPRequestHead, _ channel: any Channel) {
        let body = ByteBuffer(string: document.text)
        let head = HTTPResponseHead(
            version: request.version, status: HTTPResponseStatus(statusCode: document.status.rawValue),
            headers: [
                "Content-Type": document.type, "Content-Length": "\(body.readableBytes)", "Connection": "close",
            ])
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        if request.method != .HEAD { channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil) }
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in channel.close(promise: nil) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import NIOCore

/// A server that cannot take a connection, for want of descriptors say, looks again a moment later: whoever waits stays in the
/// queue, and to look at once would be to look all the time.
///
/// SwiftNIO's own `AcceptBackoffHandler` does not help: it holds reads back that a channel asks for, and one whose accept has
/// failed asks for none, but stays registered, and is told again that somebody waits.
///
/// ## Concurrency model
/// Belongs to the event loop of the server's channel.
package final class AcceptPause: ChannelDuplexHandler {
    package typealias InboundIn = any Channel
    package typealias OutboundIn = any Channel

    private static let time = TimeAmount.milliseconds(100)

    private var isPausing = false

    private init() {}

    /// Gives it to the channel of a server that does not listen yet.
    @Sendable package static func add(to server: any Channel) -> EventLoopFuture<Void> {
        server.eventLoop.makeCompletedFuture {
            try server.pipeline.syncOperations.addHandler(AcceptPause())
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError, !isPausing else { return context.fireErrorCaught(error) }
        isPausing = true
        let options = context.channel.syncOptions
        // Only a channel that read by itself, and shall no more, is told of nothing.
        let readsByItself = (try? options?.getOption(.autoRead)) ?? true
        if !readsByItself { try? options?.setOption(.autoRead, value: true) }
        try? options?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.time) {
            self.isPausing = false
            if readsByItself { try? options?.setOption(.autoRead, value: true) } else { context.read() }
        }
    }

    package func read(context: ChannelHandlerContext) {
        if !isPausing { context.read() }
    }
}

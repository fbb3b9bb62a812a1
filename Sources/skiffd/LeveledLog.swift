// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import Logging
import Synchronization

/// A log of which can be changed for all loggers at once what gets into it.
struct LeveledLog: LogHandler {
    /// What gets into the log.
    struct Choice: Sendable {
        /// The least severity.
        var level = Logger.Level.info
        /// What messages must match; nil for all.
        var filter: RegularExpression?
    }

    private static let shared = Mutex(Choice())

    /// What is logged from now on.
    static var choice: Choice {
        get { shared.withLock { $0 } }
        set { shared.withLock { $0 = newValue } }
    }

    private var handler: any LogHandler

    /// Hands on to a handler what is severe enough.
    init(_ handler: any LogHandler) {
        self.handler = handler
        self.handler.logLevel = .trace
    }

    /// The same for all.
    var logLevel: Logger.Level {
        get { Self.choice.level }
        set { Self.choice.level = newValue }
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        if let filter = Self.choice.filter, !filter.matches("\(event.message)") { return }
        handler.log(event: event)
    }
}

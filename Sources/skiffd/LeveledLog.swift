// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Logging
import Synchronization

/// A log whose level can be changed for all loggers at once.
struct LeveledLog: LogHandler {
    private static let shared = Mutex(Logger.Level.info)

    /// The least severity that is logged.
    static var level: Logger.Level {
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
        get { Self.level }
        set { Self.level = newValue }
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { handler.log(event: event) }
}

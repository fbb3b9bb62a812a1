// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser

/// How long creating may take.
struct CancelTimeout: ParsableArguments {
    @Option(
        name: [.customShort("T"), .customLong("cancel-timeout")],
        help: "Time that creating may take before it is cancelled, such as 30s; 0 leaves it to the command.")
    var cancelTimeout: TimeSpan?

    var patience: Engine.Patience {
        guard let cancelTimeout, cancelTimeout.nanoseconds > 0 else { return .work(0) }
        return .limit(cancelTimeout)
    }
}

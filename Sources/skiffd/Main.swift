// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
import Linux

/// The program `skiffd`: the main thread waits for signals, all else runs on others.
@main
enum Main {
    static func main() {
        do {
            // Before the first other thread, which inherits the mask.
            try DaemonSignals.block()
            try Signal.pipe.ignore()
        } catch {
            preconditionFailure("block signals: \(error)")
        }
        Task.detached {
            // It ends the process itself when it fails.
            await SkiffD.main()
            Syscall.exitNow(0)
        }
        DaemonSignals.forward()
    }
}

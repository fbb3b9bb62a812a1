// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime

/// `start`, `pause` and `resume`.
enum LifecycleCommands {
    static let start = Command(
        name: "start", summary: "run the program of a created container",
        run: { invocation in
            try invocation.container().start(notifying: HostEnvironment.notifySocket)
            return 0
        })

    static let pause = Command(
        name: "pause", summary: "stop all processes of a container until resume",
        run: { invocation in
            try invocation.container().pause()
            return 0
        })

    static let resume = Command(
        name: "resume", summary: "let the processes of a paused container go on",
        run: { invocation in
            try invocation.container().resume()
            return 0
        })
}

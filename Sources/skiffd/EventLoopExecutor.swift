// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import NIOCore

/// Runs tasks on the thread of an event loop.
///
/// A request whose socket, protocol and handler are on one thread passes through without waking another: with Swift's own
/// threads each step from one to the other costs a turn of the scheduler, some twenty for a request that reads a few values.
final class EventLoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

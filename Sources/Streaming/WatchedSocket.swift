// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOCore

/// A socket on an event loop, each direction by itself. It has all descriptors that it will need: whoever has one can carry
/// it.
struct WatchedSocket {
    let descriptor: SharedFD
    /// What it gives.
    let input: WatchedDescriptor
    /// What it takes.
    let output: WatchedDescriptor

    init(_ descriptor: SharedFD, loop: any EventLoop) throws(Errno) {
        self.descriptor = descriptor
        input = try WatchedDescriptor(descriptor, loop: loop)
        output = try WatchedDescriptor(descriptor, loop: loop)
    }
}

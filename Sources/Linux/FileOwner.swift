// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// To whom a file belongs.
package struct FileOwner: Hashable, Sendable {
    /// The user's number.
    package var uid: UInt32
    /// The group's number.
    package var gid: UInt32

    /// Both numbers.
    package init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }
}

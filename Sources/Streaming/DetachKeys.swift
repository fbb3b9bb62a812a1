// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Watches what is typed for the keys that leave.
struct DetachKeys {
    private let keys: [UInt8]
    /// How many of the keys were typed last; they are held back until it is clear what they mean.
    private var matched = 0

    init(_ keys: [UInt8]) { self.keys = keys }

    /// What goes on to the process; nil when the keys are complete.
    mutating func filter(_ bytes: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        for byte in bytes {
            if byte != keys[matched], matched > 0 {
                result += keys[..<matched]
                matched = 0
            }
            if byte == keys[matched] {
                matched += 1
                if matched == keys.count { return nil }
            } else {
                result.append(byte)
            }
        }
        return result
    }
}

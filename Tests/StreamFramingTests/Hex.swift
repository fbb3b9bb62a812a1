// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Bytes as they stand in a specification: two digits each, with spaces anywhere.
func hex(_ text: String) -> [UInt8] {
    let digits = Array(text.filter { !$0.isWhitespace })
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0..<$0 + 2]), radix: 16) ?? 0 }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIImageSpec

/// Why an image may not be used, or why that cannot be told.
package typealias PolicyError = CodedError<PolicyFault>

/// The kind of failure, for callers that decide by it.
package enum PolicyFault: Hashable, Sendable {
    /// The policy's file breaks its rules; then nothing is allowed.
    case unusable
    /// The policy does not allow the image.
    case rejected
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A text or document that breaks the image, distribution or reference rules.
package typealias ImageSpecError = CodedError<ImageSpecFault>

/// The kind of fault, for callers that decide by it.
package enum ImageSpecFault: Hashable, Sendable {
    /// The text breaks its grammar, or the document its schema.
    case invalid
    /// The text or document is larger than its limit.
    case tooLarge
    /// A valid thing that is not supported: schema1 manifests, other digest algorithms.
    case unsupported
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIImageSpec

/// Why a file about registries, or what it says, cannot be used.
package typealias RegistryConfigurationError = CodedError<RegistryConfigurationFault>

/// The kind of fault, for callers that decide by it.
package enum RegistryConfigurationFault: Hashable, Sendable {
    /// A file breaks its rules or cannot be read.
    case unusable
    /// An administrator has forbidden this registry.
    case blocked
    /// A short name may mean several images, or none.
    case ambiguous
}

extension RegistryConfigurationError {
    /// A fault of a file.
    static func file(_ path: String, line: Int? = nil, _ reason: String) -> RegistryConfigurationError {
        RegistryConfigurationError(.unusable, "read", path, line.map { "line \($0): \(reason)" } ?? reason)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Archive
package import Linux
package import OCIImageSpec

/// What the image store could not do, and why: one line.
package typealias ImageStoreError = CodedError<ImageStoreFault>

/// The kind of fault, for callers that decide by it.
package enum ImageStoreFault: Hashable, Sendable {
    /// No such image, tag, platform or layout.
    case notFound
    /// A prefix that several ids have.
    case ambiguous
    /// A document that contradicts itself or its schema.
    case invalid
    /// Content that is not what its digest says.
    case digestMismatch
    /// A document or layer of a type that is no container image.
    case unsupportedMediaType
    /// A layer that cannot be unpacked: damaged, hostile, or beyond limits.
    case corruptLayer
    /// Something still uses it.
    case inUse
    /// The file system or a quota is full.
    case noSpace
    /// The kernel or the database refused.
    case io
}

extension ImageStoreError {
    /// A failed system call.
    package init(_ operation: String, _ subject: String, _ errno: Errno) {
        let code: Code = errno == .ENOSPC || errno == .EDQUOT ? .noSpace : .io
        self.init(code, operation, subject, errno.description)
    }

    /// A layer that could not be unpacked.
    package init(layer: Digest, _ error: ArchiveError) {
        let code: Code =
            switch error.code {
            case .noSpace: .noSpace
            case .io: .io
            case .corrupt, .hostile, .unsupported, .tooLarge: .corruptLayer
            }
        self.init(code, "unpack layer", layer.description, error.description)
    }

    /// Runs the body and gives the error number that it throws an operation and a subject.
    static func attempt<Value: ~Copyable>(
        _ operation: String, _ subject: @autoclosure () -> String, _ body: () throws(Errno) -> Value
    ) throws(ImageStoreError) -> Value {
        do throws(Errno) {
            return try body()
        } catch {
            throw ImageStoreError(operation, subject(), error)
        }
    }
}

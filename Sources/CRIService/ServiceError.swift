// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import GRPCCore

/// Why a request failed, in the words that its client reads: `create container "web": no image "busybox:latest"`.
package struct ServiceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is; each has its gRPC code.
    package enum Code: Hashable, Sendable {
        /// The request cannot be carried out in any state of the engine.
        case invalid
        /// Nothing has this id or name.
        case notFound
        /// The name is taken by another object.
        case exists
        /// The object's state does not allow it now.
        case state
        /// It took longer than the request allowed.
        case deadline
        /// Something that is needed cannot be reached; a later try may work.
        case unavailable
        /// The client does not keep up, and has missed something.
        case behind
        /// Not built.
        case unimplemented
        /// The engine or the kernel failed.
        case failed
    }

    package var code: Code
    /// The operation in words that a user knows: `create container`.
    package var operation: String
    /// What it was done to, unquoted; nil when the operation says it all.
    package var subject: String?
    /// Why.
    package var cause: String
    /// A word that kubelet looks for at the head of the message, as cri-api's pkg/errors lists them.
    package var prefix: String?

    package init(_ code: Code, _ operation: String, _ subject: String? = nil, _ cause: String, prefix: String? = nil) {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.cause = cause
        self.prefix = prefix
    }

    package var description: String {
        let head = prefix.map { "\($0): " } ?? ""
        let object = subject.map { " \"\($0)\"" } ?? ""
        return "\(head)\(operation)\(object): \(cause)"
    }

    /// The same error with the operation that it made fail at its head; an error of our own keeps its code.
    package static func wrap(_ error: any Error, _ operation: String, _ subject: String? = nil) -> ServiceError {
        if var inner = error as? ServiceError {
            let prefix = inner.prefix
            inner.prefix = nil
            return ServiceError(inner.code, operation, subject, "\(inner)", prefix: prefix)
        }
        return ServiceError(.failed, operation, subject, "\(error)")
    }
}

extension ServiceError: RPCErrorConvertible {
    package var rpcErrorCode: RPCError.Code {
        switch code {
        case .invalid: .invalidArgument
        case .notFound: .notFound
        case .exists: .alreadyExists
        case .state: .failedPrecondition
        case .deadline: .deadlineExceeded
        case .unavailable: .unavailable
        case .behind: .resourceExhausted
        case .unimplemented: .unimplemented
        case .failed: .unknown
        }
    }

    package var rpcErrorMessage: String { description }
    package var rpcErrorMetadata: Metadata { [:] }
    package var rpcErrorCause: (any Error)? { nil }
}

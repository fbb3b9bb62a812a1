// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec

/// A failed step of a request, before it is told which image it was for.
struct RequestFailure: Error {
    /// Whether asking again may help.
    enum Retry: Equatable {
        case never
        /// Nobody listens there: worth a retry only while something that worked is being continued.
        case refused
        /// After a pause, of at least the given length when the registry asks for one.
        case later(atLeast: Duration? = nil)
    }

    var code: RegistryError.Code
    var reason: String
    var retry: Retry = .never
    var status: Int?
    var details: [RegistryError.Detail] = []

    init(_ code: RegistryError.Code, _ reason: String, retry: Retry = .never) {
        self.code = code
        self.reason = reason
        self.retry = retry
    }

    init(_ error: ImageSpecError) {
        self.init(error.code == .unsupported ? .unsupported : .invalid, error.description)
    }

    /// The same failure as the outcome of an outer step.
    func during(_ step: String) -> RequestFailure {
        var outer = self
        outer.reason = "\(step): \(reason)"
        return outer
    }

    /// What the registry asks to wait for, if asking again may help.
    var pause: Duration? {
        if case .later(let asked) = retry { asked } else { nil }
    }

    /// The same failure after the last attempt.
    var final: RequestFailure {
        var last = self
        last.retry = .never
        return last
    }

    func error(operation: String, subject: String) -> RegistryError {
        RegistryError(code, operation: operation, subject: subject, reason: reason, status: status, details: details)
    }
}

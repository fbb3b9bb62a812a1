// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials

/// How a command ended, as Kubernetes' clients read it from the error stream: a `Status` object of its API in JSON.
package struct CommandStatus: Codable, Hashable, Sendable {
    package struct Metadata: Codable, Hashable, Sendable {}

    package struct Details: Codable, Hashable, Sendable {
        package var causes: [Cause]?
    }

    package struct Cause: Codable, Hashable, Sendable {
        package var reason: String?
        package var message: String?
    }

    package var metadata: Metadata?
    /// `Success` or `Failure`.
    package var status: String
    package var message: String?
    package var reason: String?
    package var details: Details?
    package var code: Int32?

    /// The command ended with this code.
    init(exitCode: Int32) {
        metadata = Metadata()
        status = exitCode == 0 ? "Success" : "Failure"
        guard exitCode != 0 else { return }
        message = "command terminated with non-zero exit code: exit status \(exitCode)"
        reason = "NonZeroExitCode"
        details = Details(causes: [Cause(reason: "ExitCode", message: "\(exitCode)")])
    }

    /// The command could not be run.
    init(failure: String) {
        metadata = Metadata()
        status = "Failure"
        message = "Internal error occurred: \(failure)"
        reason = "InternalError"
        details = Details(causes: [Cause(reason: nil, message: failure)])
        code = 500
    }

    /// Reads what a server wrote; nil when it is something else.
    package init?(parsing bytes: [UInt8]) {
        guard let status = try? JSONDecoder().decode(CommandStatus.self, from: Data(bytes)) else { return nil }
        self = status
    }

    /// The exit code that it tells; nil when there was no command.
    package var exitCode: Int32? {
        if status == "Success" { return 0 }
        return details?.causes?.first { $0.reason == "ExitCode" }?.message.flatMap { Int32($0) }
    }

    /// What goes over the error stream: from version 4 on the object, before it the text of a failure.
    func bytes(asObject: Bool) -> [UInt8] {
        guard asObject else { return Array((status == "Success" ? "" : message ?? "").utf8) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings and a number: there is nothing in it that has no JSON.
        return (try? Array(encoder.encode(self))) ?? []
    }
}

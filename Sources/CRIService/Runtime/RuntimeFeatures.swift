// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec
internal import Synchronization

/// What the runtimes can do, as their command `features` says.
///
/// ## Concurrency model
/// Answers are kept under a mutex with the identity of the program's file: a program that was replaced is asked again.
final class RuntimeFeatures: Sendable {
    private struct Answer {
        var file: FileStatus
        var features: Features?
    }

    private let answers = Mutex<[String: Answer]>([:])

    /// Nil for a program that cannot be asked. Blocks the calling thread for the first question.
    func features(of handler: RuntimeHandler) -> Features? {
        // A program that is missing has no features.
        guard let file = try? Syscall.status(handler.path) else { return nil }
        if let known = answers.withLock({ $0[handler.path] }), known.file == file { return known.features }
        let features = Self.ask(handler)
        answers.withLock { $0[handler.path] = Answer(file: file, features: features) }
        return features
    }

    private static func ask(_ handler: RuntimeHandler) -> Features? {
        // Older runtimes do not know the command.
        guard let output = try? handler.features().run(timeoutMilliseconds: 10_000), output.status.isSuccess else {
            return nil
        }
        return JSON.decode(Features.self, output.output)
    }
}

extension Features {
    /// Whether mounts below a read-only mount can be made read-only too.
    var hasRecursiveReadOnly: Bool { mountOptions?.contains("rro") == true }

    /// Whether the state of processes can be written to files; each runtime has its own name for it.
    var hasCheckpoints: Bool {
        ["org.opencontainers.runc.checkpoint.enabled", "run.oci.crun.checkpoint.enabled"].contains {
            annotations?[$0] == "true"
        }
    }

    /// Whether mounts can have other owners inside, which user namespaces need.
    var hasIDMappedMounts: Bool {
        linux?.namespaces?.contains("user") == true && linux?.mountExtensions?.idmap?.enabled == true
    }
}

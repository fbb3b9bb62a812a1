// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// How far the creation of a pod or container is, in the words that CRI-O's metrics have for it.
///
/// ## Concurrency model
/// The word is under a mutex. The steps of a creation find its stage in the task that they run in.
final class CreationStage: Sendable {
    @TaskLocal private static var current: CreationStage?

    private let word = Mutex<String?>("unknown")

    /// nil when the creation is over.
    var now: String? { word.withLock { $0 } }

    /// A step of the creation that this task works for begins.
    static func enter(_ word: String) { current?.word.withLock { $0 = word } }

    /// Runs a whole creation.
    func during<Value: Sendable>(_ creation: @Sendable () async throws -> Value) async throws -> Value {
        defer { word.withLock { $0 = nil } }
        return try await Self.$current.withValue(self) { try await creation() }
    }
}

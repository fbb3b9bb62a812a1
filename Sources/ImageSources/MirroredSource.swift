// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIImageSpec
internal import Registry
internal import Synchronization

/// One repository that may be in several places: mirrors in order, and the place itself last.
///
/// ## Concurrency model
/// The place that answered last is remembered under a mutex and asked first; everything else never changes.
package final class MirroredSource: BlobSource {
    /// The repository.
    package let reference: Reference
    private let clients: [RegistryClient]
    private let favourite = Mutex(0)

    /// `clients` has at least one place.
    init(reference: Reference, clients: [RegistryClient]) {
        precondition(!clients.isEmpty, "the place itself is always one")
        self.reference = reference
        self.clients = clients
    }

    /// The repository that this is.
    package var origin: Reference? { reference }

    /// The manifest from the first place that has it.
    package func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest {
        try await first("pull") { try await $0.manifest(selector) }
    }

    /// What the reader failed with: no reason to ask elsewhere, whatever its kind.
    private struct ReaderFailure: Error {
        var cause: any Error
    }

    /// The blob from the place that had the manifest; when that fails midway, the rest from another one.
    package func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        var delivered: Int64 = 0
        var failures: [Failure] = []
        for index in order {
            do {
                try await clients[index].blob(descriptor, from: delivered) { chunk in
                    do { try await body(chunk) } catch { throw ReaderFailure(cause: error) }
                    delivered += Int64(chunk.count)
                }
                return favourite.withLock { $0 = index }
            } catch let failure as ReaderFailure {
                throw failure.cause
            } catch let error as RegistryError {
                failures.append(Failure(client: clients[index], error: error))
            }
        }
        throw Self.combined("pull", reference, failures)
    }

    /// The work's result at the first place where it succeeds. The error of several tells each one's.
    func first<Value>(
        _ operation: String, _ work: (RegistryClient) async throws -> Value
    ) async throws -> Value {
        var failures: [Failure] = []
        for index in order {
            do {
                let value = try await work(clients[index])
                favourite.withLock { $0 = index }
                return value
            } catch let error as RegistryError {
                failures.append(Failure(client: clients[index], error: error))
            }
        }
        throw Self.combined(operation, reference, failures)
    }

    private struct Failure {
        var client: RegistryClient
        var error: RegistryError
    }

    private var order: [Int] {
        let start = favourite.withLock { $0 }
        return [start] + clients.indices.filter { $0 != start }
    }

    /// The kind of failure is that of the place itself, which stands last among the clients but may have been asked first.
    private static func combined(
        _ operation: String, _ reference: Reference, _ failures: [Failure]
    ) -> RegistryError {
        let own = failures.last { $0.client.location.domain == reference.domain } ?? failures[failures.count - 1]
        guard failures.count > 1 else { return own.error }
        let reasons = failures.map { "\($0.client.location): \($0.error.wholeReason)" }
        return RegistryError(
            own.error.code, operation: operation, subject: reference.familiar,
            reason: "tried \(failures.count) places: \(reasons.joined(separator: "; "))", status: own.error.status)
    }
}

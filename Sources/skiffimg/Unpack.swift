// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import Linux
internal import OCIImageSpec

struct Unpack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpack", abstract: "Write the files of an image to a directory.",
        discussion: """
            The directory is made, or must be empty. An image of the store is copied; any other is unpacked on the way \
            from where it is, and does not come into the store.
            """)

    @OptionGroup var options: SourceOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String
    @Argument(help: ArgumentHelp("The directory.", valueName: "DIR"), completion: .directory)
    var directory: String

    private struct Outcome: Encodable {
        var id: Digest
        var directory: String
    }

    func run() async throws {
        let id = try await ImageOrigin.with(ImageName(parsing: image), options) { origin in
            if let stored = origin.stored {
                let (store, target) = (try await options.store.opened(), directory)
                try await BlockingPool.run { () throws in try store.copy(stored, to: target) }
                return stored.id
            }
            let bar = output.bar()
            defer { bar?.finish() }
            let found = try await origin.resolve(options)
            try await found.unpack(from: origin.source, to: directory) { bar?.show($0) }
            return found.id
        }
        if output.json { try Output.json(Outcome(id: id, directory: directory)) }
    }
}

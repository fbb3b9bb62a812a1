// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import Linux
internal import OCIImageSpec

struct Unpack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the files of an image to a directory.",
        discussion: """
            The directory is made, or must be empty. An image of the store is copied; any other is unpacked on the way
            from where it is, and does not come into the store.
            """)

    @OptionGroup var options: SourceOptions
    @Flag(name: .shortAndLong, help: "Show no progress.")
    var quiet = false
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String
    @Argument(help: ArgumentHelp("The directory.", valueName: "DIR"))
    var directory: String

    func run() async throws {
        let name = try ImageName(parsing: image)
        if case .plain(let text) = name {
            let store = try options.store.open()
            if let stored = try store.image(text) {
                let target = directory
                return try await BlockingPool.run { () throws in try store.copy(stored, to: target) }
            }
        }
        let (source, reference) = try name.source(options)
        let bar = quiet ? nil : ProgressBar()
        defer { bar?.finish() }
        let found = try await ImageResolution(
            reference.selector, of: source, for: options.platform(), name: reference.description)
        try await found.unpack(from: source, to: directory) { bar?.show($0) }
    }
}

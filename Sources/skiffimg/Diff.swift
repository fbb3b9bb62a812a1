// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import Linux

struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract:
            "List the files in which an image of the store differs from another, or from itself without its top layer.",
        discussion: "A for added, C for changed, D for deleted.")

    @OptionGroup var store: StoreOptions
    @Flag(help: "Print JSON.")
    var json = false
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String
    @Argument(help: ArgumentHelp("The image it is compared with.", valueName: "BASE"))
    var base: String?

    func run() async throws {
        let (opened, found) = try await store.require(image)
        var other: Image?
        if let base { other = try await store.require(base).1 }
        let from = other
        let changes = try await BlockingPool.run { () throws in try opened.diff(found, from: from) }
        if json { return try Output.json(changes) }
        for change in changes { Output.line("\(change.kind.rawValue) \(change.path)") }
    }
}

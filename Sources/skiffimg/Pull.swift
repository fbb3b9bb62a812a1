// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Bring an image into the store.")

    @OptionGroup var options: SourceOptions
    @Option(help: ArgumentHelp("The name in the store, in place of the image's own.", valueName: "name"))
    var name: String?
    @Flag(name: .shortAndLong, help: "Print nothing but the image's id.")
    var quiet = false
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String

    func run() async throws {
        var (source, reference) = try ImageName(parsing: image).source(options)
        if let name { reference = try Reference(parsing: name) }
        let store = try options.store.open()
        let bar = quiet ? nil : ProgressBar()
        defer { bar?.finish() }
        let pulled = try await store.pull(reference, from: source, platform: options.platform()) { bar?.show($0) }
        bar?.finish()
        if !quiet {
            Output.error(
                "\(reference): \(Output.size(pulled.size)) in \(pulled.layers.count) layers, \(pulled.manifest)")
        }
        Output.line(pulled.id.description)
    }
}

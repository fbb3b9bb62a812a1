// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageSources
internal import ImageStore
internal import Linux
internal import OCIImageSpec

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Compare everything in the store with what it was.",
        discussion: """
            What is damaged is set aside, and its images are shown no more until that part has been fetched again: by \
            --repair, or by pulling them. Ends with status 1 while something is damaged.
            """)

    @OptionGroup var options: SourceOptions
    @OptionGroup var output: OutputOptions
    @Flag(help: "Fetch what is damaged again, and nothing else.")
    var repair = false
    @Flag(help: "Look only whether everything is there, not at every byte.")
    var fast = false

    private struct Outcome: Encodable {
        var layers: Int
        var documents: Int
        var damage: [Damage]
        var repaired: [Digest]
        var failed: [String: String]
    }

    func run() async throws {
        let store = try await options.store.opened()
        let quick = fast
        let report = try await BlockingPool.run { () throws in try store.check(quick: quick) }
        var repaired = RepairReport()
        if repair, !report.damage.isEmpty {
            let bar = output.bar()
            defer { bar?.finish() }
            repaired = try await store.repair(source: { try await options.client($0) }) { bar?.show($0) }
        }
        if output.json {
            let failed = Dictionary(uniqueKeysWithValues: repaired.failed.map { ($0.image.description, $0.reason) })
            try Output.json(
                Outcome(
                    layers: report.layers, documents: report.documents, damage: report.damage,
                    repaired: repaired.repaired, failed: failed))
        } else {
            for damage in report.damage { Output.line("damaged: \(damage)") }
            for image in repaired.repaired { Output.line("repaired: image \(image)") }
            Output.line(
                "\(Output.count(report.layers, "layer")) and \(Output.count(report.documents, "document")) checked")
        }
        if let first = repaired.failed.first {
            throw ImageStoreError(.corruptLayer, "repair image", first.image.description, first.reason)
        }
        if !repair, !report.damage.isEmpty {
            throw ImageStoreError(.corruptLayer, "check", try store.usage().path, "\(report.damage.count) damaged")
        }
    }
}

struct GarbageCollection: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Remove images without a tag, and everything that no image needs.",
        discussion: "Images that are in use or pinned stay.")

    @OptionGroup var options: SourceOptions
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(name: .shortAndLong, help: "Remove images with tags too.")
    var all = false

    func run() async throws {
        let (store, sources, all) = (try await options.store.opened(), try options.sources(), all)
        let report = try await BlockingPool.run { () throws in
            let report = try store.collectGarbage(all: all)
            try sources.forgetSignatures(except: store.manifestDigests())
            return report
        }
        if json { return try Output.json(report) }
        for image in report.images { Output.line(image.description) }
        Output.error("\(Output.count(report.images.count, "image")) removed, \(Output.size(report.bytes)) given back")
    }
}

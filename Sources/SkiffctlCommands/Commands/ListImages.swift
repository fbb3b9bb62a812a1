// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct ListImages: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "images", abstract: "List images.", aliases: ["image", "img"])

    @Flag(name: .shortAndLong, help: "Print ids only.")
    var quiet = false
    @Flag(name: .shortAndLong, help: "Print all of each image.")
    var verbose = false
    @Flag(help: "Print digests too.")
    var digests = false
    @Flag(help: "Print whole ids and digests.")
    var noTrunc = false
    @Flag(help: "Print which images are pinned.")
    var pinned = false
    @OptionGroup var filters: ImageFilters
    @Option(name: .shortAndLong, help: "Form of the output: table, json or yaml.")
    var output = OutputFormat.table
    @Argument(help: "Only this image: name or id.")
    var image: String?
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let images = try await filters.images(engine, image)
        if output != .table {
            let items = try images.map { try ProtoJSON.value($0, shape: Shapes.image) }
            return try output.print(.object(["images": .array(items)]))
        }
        if quiet { return try images.forEach { try Console.print($0.id) } }
        if verbose { return try images.forEach { try ImageNames.details($0).print() } }
        try printTable(images)
    }

    private func printTable(_ images: [Runtime_V1_Image]) throws {
        var table = Table(
            ["IMAGE", "TAG"] + (digests ? ["DIGEST"] : []) + ["IMAGE ID", "SIZE"] + (pinned ? ["PINNED"] : []))
        for image in images {
            let id = noTrunc ? image.id : HumanUnits.shortID(image.id)
            for name in ImageNames.rows(image) {
                let digest = noTrunc ? name.digest : HumanUnits.shortID(name.digest)
                let columns = [name.repository, name.tag] + (digests ? [digest] : [])
                let last = pinned ? [image.pinned ? "true" : "false"] : []
                table.append(columns + [id, HumanUnits.size(image.size)] + last)
            }
        }
        try table.print()
    }
}

extension Engine {
    func listImages(_ name: String? = nil) async throws -> [Runtime_V1_Image] {
        var request = Runtime_V1_ListImagesRequest()
        if let name { request.filter.image.image = name }
        return try await call("list images") { try await images.listImages(request, options: $0).images }
    }
}

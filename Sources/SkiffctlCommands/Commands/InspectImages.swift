// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct InspectImages: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "inspecti", abstract: "Print the status of images.")

    @OptionGroup var document: DocumentOptions
    @Flag(name: .shortAndLong, help: "Leave out what the engine tells on top.")
    var quiet = false
    @Option(help: "Without names: only the image of this name.")
    var name: String?
    @OptionGroup var filters: ImageFilters
    @Argument(help: "Names or ids of images; without any, those that the options choose, or all.")
    var images: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard images.isEmpty || (name == nil && filters.filter.isEmpty) else {
            throw ValidationError("Give names of images, or options that choose among them.")
        }
    }

    func run(_ engine: Engine) async throws {
        let names = try await images.isEmpty ? chosen(engine) : images
        try await forEach(names, printing: document) { name in
            let response = try await engine.imageResponse(name, for: "inspect", verbose: !quiet)
            if document.output == .table {
                try ImageNames.details(response.image).print()
                return nil
            }
            let status = try ProtoJSON.value(response.image, shape: Shapes.image)
            return InspectDocument.make(status, info: response.info)
        }
    }

    private func chosen(_ engine: Engine) async throws -> [String] {
        let found = try await filters.images(engine, name)
        guard !found.isEmpty else { throw CommandError("inspect images", nil, "there are none") }
        return found.map(\.id)
    }
}

extension Engine {
    /// The image that the name or id means; `operation` is what fails if there is none.
    func imageStatus(_ name: String, for operation: String) async throws -> Runtime_V1_Image {
        try await imageResponse(name, for: operation, verbose: false).image
    }

    fileprivate func imageResponse(
        _ name: String, for operation: String, verbose: Bool
    ) async throws -> Runtime_V1_ImageStatusResponse {
        var request = Runtime_V1_ImageStatusRequest()
        request.image.image = name
        request.verbose = verbose
        let response = try await call(operation + " image", name) {
            try await images.imageStatus(request, options: $0)
        }
        guard response.hasImage else {
            var failure = CommandError(operation + " image", name, "not found")
            failure.saysAbsent = true
            throw failure
        }
        return response
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

/// The option that chooses among images.
struct ImageFilters: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: "Only images with dangling=true|false, reference=/PATTERN/, before=IMAGE or since=IMAGE; may be repeated."
    )
    var filter: [String] = []

    func validate() throws { _ = try filter.map(ImageFilter.init) }

    /// Those that are chosen, of all or of those that the name means, in the order of their names.
    func images(_ engine: Engine, _ name: String?) async throws -> [Runtime_V1_Image] {
        let all = try await engine.listImages(name).sorted { ImageNames.sortKey($0) < ImageNames.sortKey($1) }
        return try filter.map(ImageFilter.init).reduce(all) { images, filter in try filter.choose(among: images) }
    }
}

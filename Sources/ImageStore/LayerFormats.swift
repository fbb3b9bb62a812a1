// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec

/// The formats that a store can hold side by side, and the one that new layers get.
package enum LayerFormats: String, Hashable, Sendable, CaseIterable {
    case directory
    case erofs

    /// How layers of the format are handled.
    package var format: any LayerFormat {
        switch self {
        case .directory: DirectoryLayers()
        case .erofs: ErofsLayers()
        }
    }

    /// The best format for layers in a directory: EROFS where the kernel mounts it by its file.
    static func best(for directory: String) -> LayerFormats {
        ErofsLayers.isMountable(in: directory) ? .erofs : .directory
    }

    /// The format of that name. Throws when this program knows no such format.
    static func named(_ name: String) throws(ImageStoreError) -> any LayerFormat {
        guard let known = LayerFormats(rawValue: name) else {
            throw ImageStoreError(.io, "use layers of format", name, "this version does not know it")
        }
        return known.format
    }
}

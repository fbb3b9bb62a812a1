// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
internal import OCIImageSpec

/// The layers that are whole on disk.
///
/// Most layers are the same in every image, and known by their diffID. One whose archive leaves something to the layers
/// below, the owner of a directory that it puts a file into, is good above these layers only: it is known by its chainID,
/// so that no image gets a directory as it is in another.
struct PresentLayers {
    /// By id, whether the layer depends on those below.
    private var isDependent: [Digest: Bool]

    init(_ database: Database) throws {
        let rows = try Row.fetchAll(database, sql: "SELECT id, is_dependent FROM layers WHERE damage IS NULL")
        isDependent = [:]
        for row in rows { isDependent[try Digest(parsing: row["id"])] = row["is_dependent"] }
    }

    func contains(_ id: Digest) -> Bool { isDependent[id] != nil }

    /// The id under which the layer is here for that place in an image; nil when it is not.
    func id(of layer: LayerPipeline) -> Digest? {
        if isDependent[layer.diffID] == false { return layer.diffID }
        return contains(layer.chainID) ? layer.chainID : nil
    }

    /// With layers that are about to be moved in.
    func adding(_ layers: [FinishedLayer]) -> PresentLayers {
        var all = self
        for layer in layers { all.isDependent[layer.id] = layer.isDependent }
        return all
    }
}

extension ImageStore {
    /// The layers that have a row.
    func presentLayers() throws -> PresentLayers {
        try read("find layers", paths.layers) { try PresentLayers($0) }
    }
}

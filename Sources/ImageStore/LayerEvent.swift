// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIImageSpec

/// What happens to the layers of images that are pulled: for whoever counts. What several pulls wait for happens once.
package enum LayerEvent: Hashable, Sendable {
    /// So many more compressed bytes of a blob have arrived.
    case received(Int, of: Descriptor)
    /// A blob is here in full, and unpacked.
    case fetched(Descriptor)
    /// A pull of the name need not fetch the blob: its layer is here.
    case reused(Descriptor, by: Reference)
}

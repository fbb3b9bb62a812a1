// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Where a store is and how it works.
package struct StoreSettings: Sendable {
    /// The database, and what containers write.
    package var root: String
    /// Mounts.
    package var run: String
    /// Layers and documents; nil for the same directory as `root`.
    package var images: String?
    /// How new layers are kept; nil for the best format that the kernel mounts.
    package var format: LayerFormats?
    /// Whether the compressed layers are kept beside what they were unpacked to, so that an image can be pushed and saved
    /// byte for byte without its registry.
    package var keepsBlobs = false
    /// Which images garbage collection never removes.
    package var pinned = PinnedImages([])
    /// Whether what containers write may be lost with the machine, in return for never waiting for the disk.
    package var isVolatile = false
    /// How many bytes a container may write to its root file system; 0 for as many as there are. The file system of `root`
    /// must have quotas of projects.
    package var writableLimit: UInt64 = 0
    /// Hears of the layers of pulls, often and on any thread.
    package var onLayer: (@Sendable (LayerEvent) -> Void)?

    /// The defaults, below the given directories.
    package init(root: String, run: String, images: String? = nil) {
        self.root = root
        self.run = run
        self.images = images
    }
}

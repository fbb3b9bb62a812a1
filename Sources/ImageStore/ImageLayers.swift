// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The layers of an image, to be put over each other.
///
/// overlayfs shows the root directory of the topmost layer. An archive that does not bring its root says nothing of it:
/// the image has the root of the highest layer whose archive did.
struct ImageLayers {
    /// Topmost first.
    var roots: [LayerRoot]
    /// The position of the layer whose root directory the image has.
    var rootPosition: Int

    /// Layers of which that at the position has the root; with none, the position means nothing.
    init(_ roots: [LayerRoot], rootPosition: Int = 0) {
        self.roots = roots
        self.rootPosition = rootPosition
    }

    /// The layer whose root directory the image has; nil without layers.
    var root: LayerRoot? { roots.isEmpty ? nil : roots[rootPosition] }

    /// The same layers in other places.
    func map(_ roots: [LayerRoot]) -> ImageLayers { ImageLayers(roots, rootPosition: rootPosition) }
}

extension LayerRoot {
    /// Makes an empty directory with the owner, mode, attributes and time of the layer's root.
    func makeRoot(_ path: String) throws(Errno) {
        let status = try Syscall.status(of: descriptor.rawValue)
        try Syscall.makeDirectory(path, mode: 0o700)
        let made = try Syscall.open(path, [.directory, .noFollow])
        try Syscall.changeOwner(of: made.rawValue, uid: status.uid, gid: status.gid)
        try Syscall.changeMode(of: made.rawValue, status.permissions)
        let here = RawName(".")
        for name in try Syscall.attributeNames(here, at: descriptor.rawValue) where !name.isOfHost {
            let value = try Syscall.attribute(here, name, at: descriptor.rawValue)
            // Below /run may be a file system that holds fewer attributes.
            do throws(Errno) { try Syscall.setAttribute(of: made.rawValue, name, value) } catch .EOPNOTSUPP {}
        }
        try Syscall.setTimes(here, modified: status.modified, at: made.rawValue)
    }
}

extension RawName {
    /// The marks of overlayfs, and the label, belong to the layer and to the host.
    fileprivate var isOfHost: Bool {
        bytes.starts(with: "trusted.overlay.".utf8) || bytes.starts(with: "user.overlay.".utf8)
            || bytes.elementsEqual("security.selinux".utf8)
    }
}

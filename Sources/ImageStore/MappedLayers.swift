// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// Layers as a user namespace sees them: mounts that show the owners shifted, so that no layer is copied and changed.
/// overlayfs takes lower directories from such mounts since Linux 5.19, but before Linux 6.15 not from mounts without a
/// place in the file system: each gets one for as long as the overlay is made, which keeps clones of its own.
struct MappedLayers {
    /// Where the mounts are, in a directory of this process alone.
    private let directory: String

    init(in directory: String) { self.directory = directory }

    /// Mounts the layers shifted, calls the body with their paths, and unmounts them.
    func with<Value>(
        _ layers: [LayerRoot], userNamespace: String, _ body: ([LayerRoot]) throws -> Value
    ) throws -> Value {
        try undo()
        let namespace = SharedFD(
            try ImageStoreError.attempt("open user namespace", userNamespace) { () throws(Errno) in
                try Syscall.open(userNamespace, .readOnly)
            })
        do {
            try ImageStoreError.attempt("create directory", directory) { () throws(Errno) in
                try Syscall.makeDirectories(directory, mode: 0o700)
            }
            let mapped = try layers.enumerated().map { index, layer in
                let target = "\(directory)/\(index)"
                try ImageStoreError.attempt("map owners of layer", layer.path) { () throws(Errno) in
                    try Syscall.makeDirectory(target, mode: 0o700)
                    let tree = try Syscall.openTree("", at: layer.descriptor.rawValue, clone: true)
                    try Syscall.setMountAttributes(
                        "", at: tree.rawValue, set: .idMapped, propagation: .private,
                        userNamespace: namespace.rawValue)
                    try Syscall.moveMount(tree.rawValue, to: target)
                }
                return try LayerRoot(directory: target)
            }
            let value = try body(mapped)
            try undo()
            return value
        } catch {
            // The first failure is the one to tell; the rest is undone with the root file system.
            try? undo()
            throw error
        }
    }

    /// Unmounts what is left; nothing is right.
    func undo() throws(ImageStoreError) {
        try ImageStoreError.attempt("unmount layers at", directory) { () throws(Errno) in
            let names: [String]
            do throws(Errno) { names = try Syscall.entries(directory) } catch .ENOENT { return }
            for name in names {
                try Syscall.unmountAll("\(directory)/\(name)")
                try Syscall.removeDirectory("\(directory)/\(name)")
            }
            try Syscall.removeDirectory(directory)
        }
    }
}

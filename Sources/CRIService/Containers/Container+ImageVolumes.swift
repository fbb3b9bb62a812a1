// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import ImageStore
internal import Linux

/// Images that are mounted into a container beside its own. Each is a root file system of the image store, recorded
/// under a name that begins with the container's id, so that it is undone like any other.
extension Container {
    static func volumeName(_ id: String, _ index: Int) -> String { "\(id)-image-\(index)" }

    /// The container whose root file system or image volume a name of the store is.
    static func owner(ofRootfs name: String) -> String { String(name.prefix { $0 != "-" }) }

    /// Mounts the images that the request names, read-only, and returns their roots by the place of the mount.
    func mountImages(label: String?) async throws -> [Int: String] {
        var roots: [Int: String] = [:]
        for (index, mount) in config.mounts.enumerated() where mount.hasImage && !mount.image.image.isEmpty {
            do {
                let image = try await engine.images.require(mount.image, namespace: pod.config.metadata.namespace)
                roots[index] = try await engine.images.mountRootfs(
                    container: Self.volumeName(id, index), image: image.id,
                    options: RootfsOptions(isReadOnly: true, userNamespace: pod.userNamespace, label: label))
            } catch {
                var failure = ServiceError.wrap(error, "mount image at", mount.containerPath)
                failure.prefix = "ImageVolumeMountFailed"
                throw failure
            }
        }
        return roots
    }

    func unmountImages() async throws {
        let bundles = paths
        for (index, mount) in config.mounts.enumerated() where mount.hasImage && !mount.image.image.isEmpty {
            let name = Self.volumeName(id, index)
            try await engine.images.removeRootfs(container: name)
            try await BlockingPool.run {
                let folder = bundles.bundle(name)
                try SystemError.attempt("remove", folder) { () throws(Errno) in try Syscall.removeTree(folder) }
            }
        }
    }
}

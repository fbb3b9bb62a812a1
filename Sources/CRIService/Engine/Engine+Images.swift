// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import ImageStore
internal import Linux
internal import Logging
internal import OCIImageSpec
internal import SwiftProtobuf

extension Engine {
    /// Pulls an image and returns its id, which is also the one in `Image.id` and `ContainerStatus.image_id`.
    func pullImage(_ name: String, auth: CRI.AuthConfig?, namespace: String) async throws -> String {
        guard !name.isEmpty else { throw ServiceError(.invalid, "pull image", nil, "the request names no image") }
        return try await images.pull(name, auth: auth, namespace: namespace).description
    }

    func imageStatus(_ name: String, verbose: Bool) async throws -> (image: Runtime_V1_Image, info: [String: String])? {
        guard let image = try await images.find(name) else { return nil }
        let info = verbose ? ["info": try JSON.text(["imageSpec": image.config])] : [:]
        return (describe(image), info)
    }

    /// All images, or with a name that one.
    func listImages(_ name: String) async throws -> [Runtime_V1_Image] {
        if name.isEmpty { return try await images.list().map(describe) }
        return try await images.find(name).map { [describe($0)] } ?? []
    }

    private func describe(_ image: Image) -> Runtime_V1_Image {
        // What is pinned may change, and the store knows what it was when it was opened.
        let isPinned = PinnedImages(config.image.pinned).contains(image.repoTags + image.repoDigests)
        // `user[:group]`: kubelet wants the number or the name of the user.
        let user = image.config.config?.user.map { String($0.prefix { $0 != ":" }) } ?? ""
        return .with {
            $0.id = image.id.description
            $0.repoTags = image.repoTags
            $0.repoDigests = image.repoDigests
            $0.size = image.size
            $0.pinned = isPinned
            $0.spec.image = image.id.description
            if let uid = Int64(user) { $0.uid.value = uid } else { $0.username = user }
        }
    }

    func imageUsage() async throws -> Runtime_V1_FilesystemUsage {
        let usage = try await images.usage()
        return .with {
            $0.timestamp = KernelClock.realtime
            $0.fsID.mountpoint = usage.path
            $0.usedBytes.value = usage.bytes
            $0.inodesUsed.value = usage.inodes
        }
    }

    /// The file system of what containers write, when the images have another; nil otherwise.
    func containerUsage() async throws -> Runtime_V1_FilesystemUsage? {
        let root = config.root
        guard !config.image.root.isEmpty else { return nil }
        let status = try await BlockingPool.run { () throws in
            try SystemError.attempt("measure", root) { () throws(Errno) in try Syscall.fileSystem(root) }
        }
        return .with {
            $0.timestamp = KernelClock.realtime
            $0.fsID.mountpoint = root
            $0.usedBytes.value = (status.blocks - status.blocksAvailable) * status.blockSize
            $0.inodesUsed.value = status.files - status.filesFree
        }
    }

    /// Repairs damaged images in the background. Until then they are not shown, so kubelet may be faster.
    func repairImages() {
        Task {
            do {
                let report = try await images.repair()
                for image in report.repaired { log.notice("repaired image \(image)") }
                for failure in report.failed { log.error("image \(failure.image) is damaged: \(failure.reason)") }
            } catch {
                log.error("\(error)")
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import ImageStore
internal import Linux
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
        return (Self.describe(image), info)
    }

    /// All images, or with a name that one.
    func listImages(_ name: String) async throws -> [Runtime_V1_Image] {
        if name.isEmpty { return try await images.list().map(Self.describe) }
        return try await images.find(name).map { [Self.describe($0)] } ?? []
    }

    private static func describe(_ image: Image) -> Runtime_V1_Image {
        // `user[:group]`: kubelet wants the number or the name of the user.
        let user = image.config.config?.user.map { String($0.prefix { $0 != ":" }) } ?? ""
        return .with {
            $0.id = image.id.description
            $0.repoTags = image.repoTags
            $0.repoDigests = image.repoDigests
            $0.size = image.size
            $0.pinned = image.isPinned
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
}

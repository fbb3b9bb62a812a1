// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct PullImage: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "pull", abstract: "Pull an image.")

    @OptionGroup var credentials: CredentialOptions
    @OptionGroup var limit: PullTimeout
    @Option(name: .shortAndLong, help: "Annotation of the image, key=value; may be repeated.")
    var annotation: [String] = []
    @Option(help: "File that describes the pod for which the image is pulled.", completion: .file())
    var podConfig: String?
    @Argument(help: "Name of the image, such as docker.io/library/busybox:latest.")
    var image: String
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        var spec = Runtime_V1_ImageSpec()
        spec.image = image
        spec.annotations = try ListFilter.labels(annotation)
        let sandbox = try podConfig.map(ConfigFile.pod)
        let reference = try await engine.pull(
            spec, try credentials.config(), sandbox, patience: try limit.patience())
        try Console.print("Image is up to date for \(reference)")
    }
}

extension Engine {
    /// Returns the reference by which the image can be used. Shows on a terminal how far it is.
    func pull(
        _ image: Runtime_V1_ImageSpec, _ auth: Runtime_V1_AuthConfig?, _ sandbox: Runtime_V1_PodSandboxConfig?,
        patience: Patience
    ) async throws -> String {
        var request = Runtime_V1_PullImageRequest()
        request.image = image
        if let auth { request.auth = auth }
        if let sandbox { request.sandboxConfig = sandbox }
        return try await call("pull image", image.image, patience: patience, meter: PullMeter(image.image, self)) {
            try await images.pullImage(request, options: $0).imageRef
        }
    }
}

extension Engine {
    /// Pulls what a container needs: its image, and the images that are mounted in it.
    func pull(
        for container: Runtime_V1_ContainerConfig, _ options: PullOptions, _ sandbox: Runtime_V1_PodSandboxConfig
    ) async throws {
        let auth = try options.credentials.config()
        let mounted = container.mounts.filter(\.hasImage).map(\.image).filter { !$0.image.isEmpty }
        for image in [container.image] + mounted {
            _ = try await pull(image, auth, sandbox, patience: try options.limit.patience())
        }
    }
}

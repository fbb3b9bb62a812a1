// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import FoundationEssentials
import OCIImageSpec
import OCIRuntimeSpec

@testable import CRIService

/// What a specification is built from, when a test says nothing else: a pod with its own network, IPC and host name,
/// and an image with an entrypoint.
struct SpecRequest {
    var pod = CRI.PodConfig()
    var container = CRI.ContainerConfig()
    var image = ImageConfig.Execution()
    var user = UserDatabase.Identity(uid: 0, gid: 0, groups: [0])
    var surroundings = SpecBuilder.Surroundings(
        namespaces: [.network: "/ns/net", .uts: "/ns/uts", .ipc: "/ns/ipc"], cgroupsPath: "/skiff/pod/container",
        hostname: "box", hostnameFile: "/pod/hostname", hostsFile: "/pod/hosts", resolvFile: "/pod/resolv.conf",
        shm: "/pod/shm")
    var mounts: [PreparedMount] = []
    var devices: [PreparedDevice] = []
    var host = HostFacts(hasUnifiedCgroups: false, hugepageSizes: ["2MB"], architecture: "amd64")
    var defaults = SpecBuilder.Defaults(capabilities: ["CAP_CHOWN", "CAP_KILL"])
    var edits: [CDIEdits] = []
    var imageVolumes: [PreparedMount] = []
    var hooks: [HookDefinition] = []
    var apparmor: String?

    init(_ change: (inout SpecRequest) -> Void = { _ in }) {
        image.entrypoint = ["/entry"]
        change(&self)
    }

    /// The container's security settings; setting one makes the request have some.
    var security: CRI.ContainerSecurity {
        get { container.linux.securityContext }
        set { container.linux.securityContext = newValue }
    }

    func build() throws(ServiceError) -> Spec { try SpecBuilder.build(input) }

    var input: SpecBuilder.Input {
        var input = SpecBuilder.Input(
            pod: pod, container: container, image: image, podID: "p1", containerID: "c1", rootfs: "/rootfs", user: user,
            surroundings: surroundings, mounts: mounts, devices: devices, host: host, defaults: defaults)
        input.deviceEdits = edits
        input.imageVolumes = imageVolumes
        input.hooks = hooks
        input.apparmorProfile = apparmor
        input.labels = SELinuxLabels(.init(container: security.selinuxOptions, policy: host.selinux))
        return input
    }
}

extension Runtime_V1_KeyValue {
    init(_ key: String, _ value: String) {
        self.init()
        self.key = key
        self.value = Data(value.utf8)
    }
}

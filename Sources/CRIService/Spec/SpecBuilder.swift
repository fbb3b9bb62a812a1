// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
package import OCIImageSpec
package import OCIRuntimeSpec

/// Turns what the CRI says of a pod and a container, and what the image says of itself, into a `config.json`.
///
/// Everything that has to be looked up is in the input, so building is pure: `build` runs the steps below in order, each
/// a function in a file of its concern.
package struct SpecBuilder: Sendable {
    /// All that the specification depends on.
    package struct Input: Sendable {
        package var pod: CRI.PodConfig
        package var container: CRI.ContainerConfig
        package var image: ImageConfig.Execution
        /// Ids of the pod and of the container.
        package var podID: String
        package var containerID: String
        package var rootfs: String
        /// The process's identity, resolved in the image.
        package var user: UserDatabase.Identity
        /// The pod's surroundings.
        package var surroundings: Surroundings
        /// The container's mounts, their sources looked up, in the order of the request.
        package var mounts: [PreparedMount]
        /// The container's devices, looked up.
        package var devices: [PreparedDevice]
        package var host: HostFacts
        package var defaults: Defaults
        /// What CDI files change for the devices that were asked for; their nodes are among `devices`.
        package var deviceEdits: [CDIEdits] = []
        /// Folders that the image declares as volumes, where they are mounted.
        package var imageVolumes: [PreparedMount] = []
        /// The machine's hooks.
        package var hooks: [HookDefinition] = []
        /// The AppArmor profile that RuntimeDefault stands for; nil where there is none.
        package var apparmorProfile: String?
        /// SELinux' labels; nil for none.
        package var labels: SELinuxLabels?
        /// Where the filter hands over the system calls that it forbids; nil for a filter that refuses them.
        package var notifier: String?
        /// The group of resctrl; nil for none of its own.
        package var resctrlGroup: String?
        /// Shares and rates of block devices.
        package var blockIO: LinuxBlockIO?
        /// A file that takes the place of the kernel's word on FIPS.
        package var fipsFile: String?
        /// A file that takes the place of the image's /etc/passwd.
        package var passwdFile: String?
        /// The same for /etc/group.
        package var groupFile: String?

        /// Every property by name.
        package init(
            pod: CRI.PodConfig, container: CRI.ContainerConfig, image: ImageConfig.Execution, podID: String,
            containerID: String, rootfs: String, user: UserDatabase.Identity, surroundings: Surroundings,
            mounts: [PreparedMount] = [], devices: [PreparedDevice] = [], host: HostFacts, defaults: Defaults
        ) {
            self.pod = pod
            self.container = container
            self.image = image
            self.podID = podID
            self.containerID = containerID
            self.rootfs = rootfs
            self.user = user
            self.surroundings = surroundings
            self.mounts = mounts
            self.devices = devices
            self.host = host
            self.defaults = defaults
        }
    }

    /// What the pod offers its containers: paths on the host.
    package struct Surroundings: Hashable, Sendable {
        /// Pinned namespaces of the pod by kind; a kind that is missing is the host's.
        package var namespaces: [LinuxNamespaceType: String]
        /// The PID namespace of the container that this one shall share processes with.
        package var targetPIDNamespace: String?
        /// The container's cgroup, in the terms of the OCI: a path, or `slice:prefix:name` for systemd.
        package var cgroupsPath: String
        package var hostname: String
        package var hostnameFile: String
        package var hostsFile: String
        package var resolvFile: String
        /// The folder that becomes /dev/shm.
        package var shm: String
        /// The file that becomes /run/.containerenv; pods of earlier builds have none.
        package var containerMark: String?
        /// The users of the pod's user namespace, if it has one.
        package var users: UserMapping?

        /// Every property by name.
        package init(
            namespaces: [LinuxNamespaceType: String], targetPIDNamespace: String? = nil, cgroupsPath: String,
            hostname: String, hostnameFile: String, hostsFile: String, resolvFile: String, shm: String
        ) {
            self.namespaces = namespaces
            self.targetPIDNamespace = targetPIDNamespace
            self.cgroupsPath = cgroupsPath
            self.hostname = hostname
            self.hostnameFile = hostnameFile
            self.hostsFile = hostsFile
            self.resolvFile = resolvFile
            self.shm = shm
        }
    }

    /// What the configuration file says.
    package struct Defaults: Sendable {
        package var capabilities: [String]
        /// 0 for no limit.
        package var pidsLimit: Int
        /// The profile RuntimeDefault.
        package var seccomp: SeccompProfile
        /// The profile that the request names, read; only for Localhost.
        package var localhostSeccomp: SeccompProfile?
        /// The profile that an annotation names, for a container that would have none.
        package var annotatedSeccomp: SeccompProfile?
        /// For privileged containers.
        package var privilegedSeccomp: SeccompProfile?
        /// The least limit of memory, in bytes.
        package var minimumMemory: Int64 = 512 << 10
        /// Whether no root file system can be written.
        package var isReadOnly = false
        /// `name=value`, for those that have no such annotation.
        package var annotations: [String] = []
        package var limits: [POSIXRlimit] = []
        /// `NAME=value`, for those that have no such variable.
        package var environment: [String] = []
        /// Of the pod's workload, if it is marked as one.
        package var workload: WorkloadResources?
        /// Annotations that reach the runtime, by name, or by prefix with a dot or slash at its end.
        package var allowedAnnotations: [String] = []

        /// Every property by name.
        package init(
            capabilities: [String], pidsLimit: Int = 0, seccomp: SeccompProfile = .standard,
            localhostSeccomp: SeccompProfile? = nil
        ) {
            self.capabilities = capabilities
            self.pidsLimit = pidsLimit
            self.seccomp = seccomp
            self.localhostSeccomp = localhostSeccomp
        }
    }

    let input: Input
    var spec: Spec
    var process: Process
    var linux = LinuxConfig()

    /// The specification. Throws on what the request may not ask for.
    package static func build(_ input: Input) throws(ServiceError) -> Spec {
        var builder = SpecBuilder(input)
        try builder.setCommand()
        builder.setEnvironment()
        try builder.setIdentity()
        try builder.setNamespaces()
        try builder.setMounts()
        builder.setDevices()
        try builder.setResources()
        builder.setPaths()
        if let group = input.resctrlGroup { builder.linux.intelRdt = LinuxIntelRdt(closID: group) }
        try builder.setSeccomp()
        try builder.setLabels()
        builder.setAnnotations()
        builder.applyDeviceEdits()
        try builder.setHooks()
        return builder.finished()
    }

    init(_ input: Input) {
        self.input = input
        // The oldest version that has all that is set here: older runtimes refuse configurations of later ones.
        spec = Spec(ociVersion: "1.0.2", root: Root(path: input.rootfs))
        process = Process(cwd: "/")
    }

    var security: CRI.ContainerSecurity { input.container.linux.securityContext }
    var isPrivileged: Bool { security.privileged }

    /// Ids and names for hooks and for people who read a bundle. Of what a pod's author writes only that gets here which
    /// the handler allows, for runtimes take orders from annotations.
    private mutating func setAnnotations() {
        let asked = input.pod.annotations.merging(input.container.annotations) { $1 }
        let allowed = asked.filter { key, _ in AnnotationRules.allow(key, input.defaults.allowedAnnotations) }
        let defaults = input.defaults.annotations.map { text in
            let name = String(text.prefix { $0 != "=" })
            return (name, String(text.dropFirst(name.count + 1)))
        }
        spec.annotations = forCrun.merging(defaults) { $1 }.merging(allowed) { $1 }.merging(own) { $1 }
    }

    /// With systemd, crun puts the processes into a cgroup below the container's unless it is told not to: the engine, which
    /// freezes and thaws the container's own, would miss what crun has paused.
    private var forCrun: [String: String] {
        input.surroundings.cgroupsPath.hasPrefix("/") ? [:] : ["run.oci.systemd.subgroup": ""]
    }

    private var own: [String: String] {
        [
            "io.kubernetes.cri.container-type": "container",
            "io.kubernetes.cri.sandbox-id": input.podID,
            "io.kubernetes.cri.sandbox-name": input.pod.metadata.name,
            "io.kubernetes.cri.sandbox-namespace": input.pod.metadata.namespace,
            "io.kubernetes.cri.container-name": input.container.metadata.name,
        ]
    }

    private func finished() -> Spec {
        var spec = spec
        spec.root?.readonly = security.readonlyRootfs || input.defaults.isReadOnly ? true : nil
        spec.process = process
        spec.linux = linux
        return spec
    }
}

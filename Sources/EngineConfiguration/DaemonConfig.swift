// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Everything that an administrator may set, with its default.
///
/// The keys of the file, their meaning and their checks are in `DaemonConfig.settings`; this type holds the values.
/// All paths are absolute after loading. Paths that are nil here in a fresh value are derived from `root` and `run` by
/// `resolved()`, so that setting these two moves a whole engine into one folder.
package struct DaemonConfig: Sendable, Equatable {
    /// What survives a reboot: database, layers, content, containers.
    package var root = "/var/lib/skiff"
    /// What lives until the next boot: sockets, bundles, pinned namespaces.
    package var run = "/run/skiff"
    /// The least severity that is logged.
    package var logLevel = LogLevel.info
    /// A regular expression that messages must match to be logged; "" for all.
    package var logFilter = ""
    /// The CRI endpoint.
    package var api = API()
    /// Pod networks.
    package var cni = CNI()
    /// How containers are run.
    package var runtime = Runtime()
    /// How images are pulled.
    package var image = Image()
    /// What may be done with the state of running containers.
    package var checkpoints = Checkpoints()
    /// Where its numbers are served.
    package var metrics = Metrics()
    /// Where spans of requests are sent.
    package var tracing = Tracing()
    /// Plugins that take part in how containers are made.
    package var nri = NRI()

    /// The defaults, not yet resolved.
    package init() {}

    /// Severities, least first.
    package enum LogLevel: String, Sendable, CaseIterable {
        case trace, debug, info, notice, warning, error, critical
    }

    /// Who makes the cgroups of pods and containers.
    package enum CgroupDriver: String, Sendable, CaseIterable {
        /// systemd where it is the machine's first process, otherwise the file system.
        case auto
        case cgroupfs, systemd
    }

    /// The oldest version of TLS that is spoken.
    package enum TLSVersion: String, Sendable, CaseIterable {
        case v12 = "1.2"
        case v13 = "1.3"
    }

    /// What a container gets for a folder that its image declares as a volume.
    package enum ImageVolumes: String, Sendable, CaseIterable {
        /// A folder in its own file system, where the image has none.
        case mkdir
        /// A folder of its own beside that file system, empty at first.
        case bind
        /// Nothing.
        case ignore
    }

    /// Section `[api]`.
    package struct API: Sendable, Equatable {
        /// The unix socket of the CRI; "" stands for `skiffd.sock` in `run` until resolved.
        package var listen = ""
        /// Where exec, attach and port-forward are served; a literal address.
        package var streamAddress = "127.0.0.1"
        /// 0 for any that is free.
        package var streamPort = 0
        /// After so long without a sign of life a session ends.
        package var streamIdleTimeout = Duration.seconds(4 * 3600)
        /// With a certificate they are served over TLS; "" for plain HTTP.
        package var streamCertificate = ""
        package var streamKey = ""
        /// With it, clients must have a certificate that it signed.
        package var streamClientAuthority = ""
        /// Of streams, and of metrics.
        package var leastTLSVersion = TLSVersion.v12
        /// Cipher suites of TLS 1.2 that are spoken; all that are thought safe when there are none here.
        package var cipherSuites: [TLSCipherSuite] = []
        /// The longest message of the CRI, in bytes.
        package var messageLimit = 80 << 20
        /// The unix socket for those who look into the engine over HTTP; "" for none.
        package var inspect = ""
    }

    /// Section `[cni]`.
    package struct CNI: Sendable, Equatable {
        /// Where network configurations are.
        package var confDir = "/etc/cni/net.d"
        /// Where plugins are looked up, in this order.
        package var binDirs = ["/usr/lib/cni", "/opt/cni/bin"]
        /// Results of plugins, needed to undo them; "" stands for `cni` in `root` until resolved.
        package var cacheDir = ""
        /// The network of pods by name; "" stands for the first in lexical order of the files' names.
        package var defaultNetwork = ""
        /// A network configuration with placeholders for the node's range of addresses; "" when there is none.
        package var template = ""
        /// How long plugins' STATUS may fail before the network is told to be not ready.
        package var statusGrace = Duration.zero
        /// How long one plugin may take.
        package var timeout = Duration.seconds(120)
        /// Whether plugins are asked to map pods' ports of the host; something else may do that.
        package var mapsHostPorts = true
    }

    /// Section `[runtime]`.
    package struct Runtime: Sendable, Equatable {
        /// The handler of pods that ask for none.
        package var defaultHandler = "skiffrun"
        /// Who makes cgroups.
        package var cgroupDriver = CgroupDriver.auto
        /// Below which cgroup pods without a `cgroup_parent` are placed: a path, or for systemd a slice; "" for `/skiff`
        /// or `skiff.slice`.
        package var cgroupParent = ""
        /// The pod monitor: a path, or a name to be found beside the daemon or on PATH.
        package var monitor = "skiffmon"
        /// Most tasks in one container; 0 for no limit.
        package var pidsLimit = 0
        /// Bytes at which the log of a container starts over; 0 for no limit.
        package var logSizeLimit = 0
        /// The socket of a journal that gets the output of containers beside their logs; "" for none.
        package var journal = ""
        /// What a container may do that asks for no more and no less.
        package var defaultCapabilities = [
            "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
            "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
        ]
        /// A seccomp profile in JSON in place of the built-in one for RuntimeDefault; "" for the built-in one.
        package var seccompProfile = ""
        /// The AppArmor profile for RuntimeDefault; the built-in one is loaded when it is needed, another must be there.
        package var apparmorProfile = "skiff-default"
        /// Limits of setrlimit(2) that containers get: `nofile=1024:524288`, soft and hard.
        package var defaultUlimits: [String] = []
        /// Parameters of the pods' own namespaces, where a request has no such: `net.core.somaxconn=1024`.
        package var defaultSysctls: [String] = []
        /// A profile for privileged containers; "" for none.
        package var privilegedSeccompProfile = ""
        /// Devices of all containers: `/dev/fuse`, `/dev/a:/dev/b:rw`.
        package var additionalDevices: [String] = []
        /// Devices that pods may ask for by annotation.
        package var allowedDevices = ["/dev/fuse", "/dev/net/tun"]
        /// Whether devices belong to the user that the container runs as.
        package var deviceOwnership = false
        /// The file with classes of block I/O; "" for none.
        package var blockIOConfigFile = ""
        /// Whether no container can write to its root file system.
        package var readOnly = false
        /// Where logs are of pods that come without a folder for them.
        package var logDir = "/var/log/skiff/pods"
        /// What becomes of folders that images declare as volumes.
        package var imageVolumes = ImageVolumes.mkdir
        /// Variables that containers get unless the image or the request has them: `NAME=value`.
        package var defaultEnvironment: [String] = []
        /// Folders of OCI hooks in JSON, later ones override files of earlier ones.
        package var hooksDirs = ["/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d"]
        /// Folders of CDI specifications.
        package var cdiSpecDirs = ["/etc/cdi", "/var/run/cdi"]
        /// How long processes may take to end after SIGKILL before the request fails.
        package var killTimeout = Duration.seconds(110)
        /// Sources of mounts that must be there; others are made as directories.
        package var absentMountSourcesToReject: [String] = []
        /// Whether containers get labels of SELinux that do not ask for one.
        package var selinux = true
        /// Whether pods in the network of the node are left without.
        package var hostNetworkDisablesSELinux = true
        /// Kubelet's folder, where volumes of pods are.
        package var kubeletDir = "/var/lib/kubelet"
        /// Handlers by name. The one called `skiffrun` always exists.
        package var handlers = ["skiffrun": RuntimeHandlerConfig()]
        /// Kinds of pods by name, which an annotation marks.
        package var workloads: [String: WorkloadConfig] = [:]

        /// What is set for a handler, which may have left the configuration after its containers were made.
        package func options(ofHandler name: String) -> RuntimeHandlerConfig { handlers[name] ?? .init() }
    }

    /// Section `[image]`.
    package struct Image: Sendable, Equatable {
        /// Registries spoken to in plain HTTP, or without verifying their certificate.
        package var insecureRegistries: [String] = []
        /// `os/architecture[/variant]` chosen from an index; "" for the machine's own.
        package var platform = ""
        /// Where layers and documents are, if not in `root`: "" for there.
        package var root = ""
        /// Whether compressed layers are kept beside what they were unpacked to.
        package var keepBlobs = false
        /// Images that garbage collection leaves: names, beginnings with a `*` at the end, words between two `*`.
        package var pinned: [String] = []
        /// Whether what containers write may be lost with the machine, in return for never waiting for the disk.
        package var volatile = false
        /// How many bytes a container may write to its root file system; 0 for no limit.
        package var writableLimit = 0
        /// Prefixes, mirrors and short names: registries.conf, with drop-ins beside it.
        package var registriesConf = "/etc/containers/registries.conf"
        /// Aliases of short names that other programs have written.
        package var shortNameAliases = "/var/cache/containers/short-name-aliases.conf"
        /// Folders of authorities and client certificates by registry.
        package var certificateDirs = ["/etc/containers/certs.d", "/etc/docker/certs.d"]
        /// Credentials of registries, in the order in which they are searched.
        package var authFiles = [
            "/run/containers/0/auth.json", "/root/.config/containers/auth.json", "/root/.docker/config.json",
        ]
        /// Where credentials are left for single pulls, by namespace.
        package var authDir = "/etc/crio/auth"
        /// Which images may be used: policy.json.
        package var policy = "/etc/containers/policy.json"
        /// The same for pods by namespace.
        package var policyDir = "/etc/crio/policies"
        /// Where signatures are: registries.d.
        package var registriesDir = "/etc/containers/registries.d"
        /// How long a registry may send nothing.
        package var stallTimeout = Duration.seconds(60)
        /// How many bytes per second it must send at least, on average over that time.
        package var minimumRate = 1000
        /// Blobs received at the same time from one registry.
        package var downloadsPerRegistry = 6
        /// Blobs received at the same time in all.
        package var downloads = 12
    }
}

/// Section `[runtime.handlers.NAME]`: an OCI runtime.
package struct RuntimeHandlerConfig: Sendable, Equatable {
    /// The program: a path, or a name to be found beside the daemon or on PATH; "" stands for the handler's name until
    /// resolved.
    package var path: String
    /// The program's `--root`; "" stands for a folder below `run` until resolved.
    package var root: String
    /// How the program is driven: only `oci`, by its command line.
    package var type = "oci"
    /// Whether what is not set of program, root and variables is that of the default handler.
    package var inheritsDefault = false
    /// Programs in its place for images of other platforms: `os/architecture=path`.
    package var platformPaths: [String] = []
    /// Variables of the runtime's process: `NAME=value`.
    package var environment: [String] = []
    /// Annotations of pods and containers that reach the runtime, by name or, with a dot or slash at its end, by prefix.
    package var allowedAnnotations: [String] = []
    /// Annotations that pods of the handler have unless they have their own: `name=value`.
    package var defaultAnnotations: [String] = []
    /// A seccomp profile in place of the engine's for RuntimeDefault; "" for that.
    package var seccompProfile = ""
    /// Whether privileged containers get only the devices that they ask for.
    package var privilegedWithoutHostDevices = false
    /// How long the runtime may take to make a container.
    package var createTimeout = Duration.seconds(240)
    /// The least memory limit of a container, in bytes.
    package var minimumMemory = 512 << 10

    /// A handler; without arguments, one in which everything follows from its name.
    package init(path: String = "", root: String = "") {
        self.path = path
        self.root = root
    }
}

extension RuntimeHandlerConfig {
    /// The same with what it lacks of the program and how it is called.
    fileprivate func inheriting(_ standard: RuntimeHandlerConfig) -> RuntimeHandlerConfig {
        var handler = self
        if handler.path.isEmpty { handler.path = standard.path }
        if handler.root.isEmpty { handler.root = standard.root }
        if handler.environment.isEmpty { handler.environment = standard.environment }
        return handler
    }

    /// The program for images of a platform, where it is not `path`.
    package func path(forPlatform os: String, _ architecture: String) -> String? {
        let head = "\(os)/\(architecture)="
        return platformPaths.last { $0.hasPrefix(head) }.map { String($0.dropFirst(head.count)) }
    }
}

extension DaemonConfig {
    /// Where the file is when nobody says otherwise.
    package static let defaultFile = "/etc/skiff/skiff.toml"

    /// The same with every value that follows from others filled in.
    package func resolved() -> DaemonConfig {
        var config = self
        if config.api.listen.isEmpty { config.api.listen = run + "/skiffd.sock" }
        if config.nri.listen.isEmpty { config.nri.listen = run + "/nri.sock" }
        if config.cni.cacheDir.isEmpty { config.cni.cacheDir = root + "/cni" }
        let standard = resolved(runtime.defaultHandler, runtime.options(ofHandler: runtime.defaultHandler))
        for (name, handler) in runtime.handlers {
            config.runtime.handlers[name] = resolved(
                name, handler.inheritsDefault ? handler.inheriting(standard) : handler)
        }
        return config
    }

    private func resolved(_ name: String, _ handler: RuntimeHandlerConfig) -> RuntimeHandlerConfig {
        var handler = handler
        if handler.path.isEmpty { handler.path = name }
        if handler.root.isEmpty { handler.root = run + (name == "skiffrun" ? "/runtime" : "/runtime-\(name)") }
        return handler
    }
}

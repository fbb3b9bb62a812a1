// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension DaemonConfig {
    /// Every key that the file may have, in the order in which it is printed.
    static let sections: [Section] = [
        general, apiSection, cniSection, runtimeSection, checkpointSection, imageSection, metricsSection,
        tracingSection, nriSection,
    ]

    private static let general = Section(
        name: "", meaning: "Paths and logging.",
        settings: [
            Setting(
                "root", \.root,
                "What survives a reboot: database, image layers, writable layers of containers.", check: Check.folder),
            Setting(
                "run", \.run, "What lives until the next boot: sockets, bundles, pinned namespaces.",
                check: Check.folder),
            Setting(
                "log_level", \.logLevel, "trace, debug, info, notice, warning, error or critical."),
            Setting(
                "log_filter", \.logFilter,
                "Regular expression (POSIX, extended) that messages must match to be logged. Default: all are.",
                check: Check.optional(Check.expression)),
        ])

    private static let apiSection = Section(
        name: "api", meaning: "The CRI endpoint, and the server of exec, attach and port-forward.",
        settings: [
            Setting(
                "listen", \.api.listen, "Unix socket of the CRI. Default: skiffd.sock in `run`.",
                check: Check.optional(Check.socket)),
            Setting(
                "stream_address", \.api.streamAddress,
                "IP address on which exec, attach and port-forward are served. Their clients are on this machine.",
                check: Check.address),
            Setting("stream_port", \.api.streamPort, "Port of that server; 0 for any that is free.", check: Check.port),
            Setting(
                "stream_idle_timeout", \.api.streamIdleTimeout,
                "How long a session may be silent before it is ended.", check: Check.time),
            Setting(
                "stream_tls_cert", \.api.streamCertificate,
                "Certificate chain in PEM: with it the server speaks TLS. Read again when it changes.",
                check: Check.optional(Check.folder)),
            Setting(
                "stream_tls_key", \.api.streamKey, "Private key of the certificate, in PEM.",
                check: Check.optional(Check.folder)),
            Setting(
                "stream_tls_ca", \.api.streamClientAuthority,
                "Authority in PEM that must have signed the certificate of every client. Default: clients need none.",
                check: Check.optional(Check.folder)),
            Setting(
                "tls_min_version", \.api.leastTLSVersion,
                "The oldest version of TLS that is spoken: 1.2 or 1.3. That of [metrics] too."),
            Setting(
                "tls_cipher_suites", \.api.cipherSuites,
                "Cipher suites of TLS 1.2 by IANA's names, as in kubelet's configuration; TLS 1.3 has its own. That of\n"
                    + "[metrics] too. Default: all that are thought safe."),
            Setting(
                "message_limit", \.api.messageLimit, "The longest message of the CRI that is received, in bytes.",
                check: Check.some),
            Setting(
                "inspect", \.api.inspect,
                "Unix socket on which /info, /config, /containers/ID, /pause/ID and /unpause/ID are served over HTTP, as CRI-O does.\n"
                    + "Default: none.",
                check: Check.optional(Check.socket)),
        ])

    private static let cniSection = Section(
        name: "cni", meaning: "Pod networks.",
        settings: [
            Setting(
                "conf_dir", \.cni.confDir, "Folder of network configurations (*.conflist, *.conf, *.json).",
                check: Check.folder),
            Setting(
                "bin_dirs", \.cni.binDirs, "Folders in which plugins are looked up, in this order.",
                check: Check.folders),
            Setting(
                "cache_dir", \.cni.cacheDir, "Results of plugins, kept to undo them. Default: cni in `root`.",
                check: Check.optional(Check.folder)),
            Setting(
                "default_network", \.cni.defaultNetwork,
                "Name of the network that pods join. Default: the first valid file in lexical order."),
            Setting(
                "conf_template", \.cni.template,
                "A configuration with {{.PodCIDR}}, {{.PodCIDRRanges}} and {{.Routes}} in it, which becomes\n"
                    + "10-skiff.conflist in `conf_dir` when kubelet tells the node's range. Default: none.",
                check: Check.optional(Check.folder)),
            Setting(
                "status_grace", \.cni.statusGrace,
                "How long plugins may answer STATUS with an error before a network that was ready is told to be not ready."
            ),
            Setting(
                "timeout", \.cni.timeout, "How long one plugin may take before it is killed.", check: Check.time),
            Setting(
                "map_host_ports", \.cni.mapsHostPorts,
                "Whether pods get their ports of the host by a plugin. false where something else sees to them."),
        ])

    private static let runtimeSection = Section(
        name: "runtime", meaning: "How containers are run.",
        settings: [
            Setting("default", \.runtime.defaultHandler, "Handler of pods that name none."),
            Setting(
                "cgroup_driver", \.runtime.cgroupDriver,
                "Who makes cgroups: cgroupfs (skiffd and the runtime), systemd, or auto: systemd where it is the first process."
            ),
            Setting(
                "cgroup_parent", \.runtime.cgroupParent,
                "Cgroup of pods that come without one: a path, with systemd a slice. Default: /skiff or skiff.slice.",
                check: Check.optional(Check.cgroup)),
            Setting(
                "monitor", \.runtime.monitor,
                "The pod monitor: an absolute path, or a name that is looked up beside skiffd, then on PATH.",
                check: Check.program),
            Setting(
                "pids_limit", \.runtime.pidsLimit, "Most tasks in one container; 0 for no limit.", check: Check.count),
            Setting(
                "log_size_limit", \.runtime.logSizeLimit,
                "Bytes at which a container's log starts over, where nobody rotates it; 0 for no limit.",
                check: Check.count),
            Setting(
                "journal", \.runtime.journal,
                "Socket of systemd's journal, /run/systemd/journal/socket, which gets the output of containers too. Default: none.",
                check: Check.optional(Check.socket)),
            Setting(
                "default_capabilities", \.runtime.defaultCapabilities,
                "Capabilities of a container that neither adds nor drops any.", check: Check.capabilities),
            Setting(
                "seccomp_profile", \.runtime.seccompProfile,
                "A profile in JSON for RuntimeDefault. Default: the built-in one.",
                check: Check.optional(Check.folder)),
            Setting(
                "apparmor_profile", \.runtime.apparmorProfile,
                "AppArmor profile for RuntimeDefault, which has to be loaded; skiffd loads its own, \"skiff-default\"."),
            Setting(
                "default_ulimits", \.runtime.defaultUlimits,
                "Limits that containers get, name=soft:hard: [\"nofile=1024:524288\"]. Default: those of skiffd.",
                check: Check.ulimits),
            Setting(
                "default_sysctls", \.runtime.defaultSysctls,
                "Parameters (name=value) of pods whose request does not have them; those of the node are not set.",
                check: Check.variables),
            Setting(
                "privileged_seccomp_profile", \.runtime.privilegedSeccompProfile,
                "A profile in JSON for privileged containers. Default: none.", check: Check.optional(Check.folder)),
            Setting(
                "additional_devices", \.runtime.additionalDevices,
                "Devices that all containers get: /dev/fuse, or /dev/a:/dev/b:rw.", check: Check.devices),
            Setting(
                "allowed_devices", \.runtime.allowedDevices,
                "Devices that a pod may ask for by the annotation devices.crio.io, if its handler allows the annotation.",
                check: Check.paths),
            Setting(
                "device_ownership_from_security_context", \.runtime.deviceOwnership,
                "Whether devices belong to the user and group that the request names."),
            Setting(
                "blockio_config_file", \.runtime.blockIOConfigFile,
                "Classes of block I/O in YAML, as CRI-O and containerd have them, which pods choose by annotations. Default: none.",
                check: Check.optional(Check.folder)),
            Setting(
                "read_only", \.runtime.readOnly,
                "Whether no container can write to its root file system; /run, /tmp and /var/tmp are in memory then."),
            Setting(
                "image_volumes", \.runtime.imageVolumes,
                "What a container gets for a folder that its image declares as a volume: mkdir: a folder in its own file\n"
                    + "system, where the image has none; bind: an empty one beside that, which can also be written where the\n"
                    + "root file system cannot; ignore: nothing."),
            Setting(
                "log_dir", \.runtime.logDir, "Where logs are of pods that come without a folder for them.",
                check: Check.folder),
            Setting(
                "default_env", \.runtime.defaultEnvironment,
                "Variables (NAME=value) of containers whose image and request do not have them.",
                check: Check.variables),
            Setting(
                "hooks_dirs", \.runtime.hooksDirs,
                "Folders of OCI hooks (*.json); a file of a later folder replaces one of the same name.",
                check: Check.paths),
            Setting(
                "cdi_spec_dirs", \.runtime.cdiSpecDirs,
                "Folders of CDI specifications (*.json, *.yaml); a later one goes before an earlier.",
                check: Check.paths),
            Setting(
                "kill_timeout", \.runtime.killTimeout,
                "How long a container's processes may take to end after SIGKILL before the request fails.",
                check: Check.time),
            Setting(
                "selinux", \.runtime.selinux,
                "Whether containers get SELinux labels, with categories for each pod, where the kernel has it and the policy\n"
                    + "knows containers. A label that a request states is set in any case."),
            Setting(
                "hostnetwork_disable_selinux", \.runtime.hostNetworkDisablesSELinux,
                "Whether pods in the node's network get none of these."),
            Setting(
                "kubelet_dir", \.runtime.kubeletDir,
                "Kubelet's folder: where the volume is in which link-logs.crio.io shows a pod's logs.",
                check: Check.folder),
            Setting(
                "absent_mount_sources_to_reject", \.runtime.absentMountSourcesToReject,
                "Paths on the host that must be there to be mounted; others are made as directories.",
                check: Check.paths),
        ])
}

extension RuntimeHandlerConfig: NamedSection {
    static let section = "runtime.handlers"
    static let meaning = "An OCI runtime that pods may ask for by this name."
    /// Of the one that there always is.
    static var example: RuntimeHandlerConfig { DaemonConfig().resolved().runtime.options(ofHandler: "skiffrun") }

    init() { self.init(path: "") }

    /// Every key of `[runtime.handlers.NAME]`.
    static let settings: [Setting<RuntimeHandlerConfig>] = [
        Setting(
            "path", \.path,
            "The OCI runtime: an absolute path, or a name that is looked up beside skiffd, then on PATH.\n"
                + "Default: the handler's name.", check: Check.optional(Check.runtime)),
        Setting(
            "root", \.root, "Its --root. Default: runtime in `run` for skiffrun, runtime-NAME for others.",
            check: Check.optional(Check.folder)),
        Setting("type", \.type, "How the runtime is driven: oci, by its command line.", check: Check.runtimeType),
        Setting(
            "inherit_default_runtime", \.inheritsDefault,
            "Whether `path`, `root` and `environment` are those of the default handler, where they are not set."),
        Setting(
            "platform_paths", \.platformPaths,
            "Programs in place of `path` for containers whose image is of that platform: linux/arm64=/usr/bin/crun-arm64.",
            check: Check.platformPaths),
        Setting(
            "environment", \.environment,
            "Variables (NAME=value) of the runtime's process, which otherwise has only a PATH.", check: Check.variables),
        Setting(
            "allowed_annotations", \.allowedAnnotations,
            "Annotations of pods and containers that the runtime gets to see; one that ends in \".\" or \"/\" allows all\n"
                + "that begin so."),
        Setting(
            "default_annotations", \.defaultAnnotations,
            "Annotations (name=value) that the runtime gets to see unless the pod or the container has its own.",
            check: Check.variables),
        Setting(
            "seccomp_profile", \.seccompProfile,
            "A profile in JSON for RuntimeDefault. Default: that of [runtime].", check: Check.optional(Check.folder)),
        Setting(
            "privileged_without_host_devices", \.privilegedWithoutHostDevices,
            "Whether privileged containers get only the devices that they ask for."),
        Setting(
            "create_timeout", \.createTimeout,
            "How long the runtime may take to make a container before it is killed and the container undone.",
            check: Check.time),
        Setting(
            "min_memory", \.minimumMemory, "The least memory limit in bytes that a container may ask for.",
            check: Check.count),
    ]
}

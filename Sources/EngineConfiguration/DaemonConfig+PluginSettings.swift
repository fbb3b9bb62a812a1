// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension DaemonConfig {
    /// Section `[nri]`.
    package struct NRI: Sendable, Equatable {
        package var enable = true
        /// The unix socket to which plugins connect; "" stands for `nri.sock` in `run` until resolved.
        package var listen = ""
        /// Whether only installed plugins take part.
        package var disableConnections = false
        /// Programs that are started with the daemon.
        package var pluginDir = "/opt/nri/plugins"
        /// What they get to read.
        package var pluginConfigDir = "/etc/nri/conf.d"
        package var registrationTimeout = Duration.seconds(5)
        package var requestTimeout = Duration.seconds(2)
        /// Whether what plugins want is checked by the rules that follow.
        package var defaultValidator = false
        package var rejectHooks = false
        package var rejectDefaultSeccomp = false
        package var rejectUnconfinedSeccomp = false
        package var rejectCustomSeccomp = false
        package var rejectNamespaces = false
        package var rejectSysctls = false
        /// Names, without index.
        package var requiredPlugins: [String] = []
        /// An annotation of pods; "" for none.
        package var tolerationAnnotation = ""
    }

    static let nriSection = Section(
        name: "nri", meaning: "Plugins of the Node Resource Interface, which take part in how containers are made.",
        settings: [
            Setting("enable", \.nri.enable, "Whether there are plugins at all."),
            Setting(
                "listen", \.nri.listen,
                "Unix socket to which plugins connect; most look for it at /var/run/nri/nri.sock. Default: nri.sock in `run`.",
                check: Check.optional(Check.socket)),
            Setting(
                "disable_connections", \.nri.disableConnections,
                "Whether there is no such socket, and only the programs of `plugin_dir` take part."),
            Setting(
                "plugin_dir", \.nri.pluginDir, "Folder of programs that are started with skiffd: 10-name.",
                check: Check.folder),
            Setting(
                "plugin_config_dir", \.nri.pluginConfigDir,
                "Folder of what they get to read: 10-name.conf or name.conf.", check: Check.folder),
            Setting(
                "plugin_registration_timeout", \.nri.registrationTimeout,
                "How long a plugin may take to register.", check: Check.time),
            Setting(
                "plugin_request_timeout", \.nri.requestTimeout,
                "How long a plugin may take to answer. One that takes longer is asked no more.", check: Check.time),
            Setting(
                "default_validator", \.nri.defaultValidator,
                "Whether a container is not made when what plugins want of it breaks one of the rules that follow."),
            Setting("reject_oci_hook_adjustment", \.nri.rejectHooks, "Plugins may not add hooks."),
            Setting(
                "reject_runtime_default_seccomp_adjustment", \.nri.rejectDefaultSeccomp,
                "Plugins may not change the seccomp policy of containers with RuntimeDefault."),
            Setting(
                "reject_unconfined_seccomp_adjustment", \.nri.rejectUnconfinedSeccomp,
                "Nor that of containers without one."),
            Setting(
                "reject_custom_seccomp_adjustment", \.nri.rejectCustomSeccomp,
                "Nor that of containers with a profile of their own."),
            Setting("reject_namespace_adjustment", \.nri.rejectNamespaces, "Plugins may not change namespaces."),
            Setting("reject_sysctl_adjustment", \.nri.rejectSysctls, "Plugins may not change kernel parameters."),
            Setting(
                "required_plugins", \.nri.requiredPlugins,
                "Plugins (names without index) without which no container is made."),
            Setting(
                "tolerate_missing_plugins_annotation", \.nri.tolerationAnnotation,
                "An annotation with which, if it says \"true\", pods do without them. Default: none."),
        ])
}

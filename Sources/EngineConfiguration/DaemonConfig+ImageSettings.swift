// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension DaemonConfig {
    static let imageSection = Section(
        name: "image", meaning: "How images are pulled.",
        settings: [
            Setting(
                "insecure_registries", \.image.insecureRegistries,
                "Registries (host[:port]) that may be spoken to in plain HTTP or with an unverified certificate.",
                check: Check.registries),
            Setting(
                "platform", \.image.platform,
                "Platform (os/architecture[/variant]) chosen from an index. Default: this machine's.",
                check: Check.optional(Check.platform)),
            Setting(
                "root", \.image.root, "Where layers are, to have them on a disk of their own. Default: `root`.",
                check: Check.optional(Check.folder)),
            Setting(
                "keep_blobs", \.image.keepBlobs,
                "Whether compressed layers are kept too, to push and save images without their registry."),
            Setting(
                "pinned", \.image.pinned,
                "Images that are never garbage: names, beginnings (base/*), or words in a name (*pause*)."),
            Setting(
                "volatile", \.image.volatile,
                "Whether what containers write may be lost with the machine, in return for not waiting for the disk."),
            Setting(
                "writable_limit", \.image.writableLimit,
                "Most bytes that a container may write to its root file system; 0 for no limit. Needs quotas of projects\n"
                    + "(prjquota) of the file system of `root`.", check: Check.count),
            Setting(
                "registries_conf", \.image.registriesConf,
                "Mirrors, rewritten, insecure and blocked registries, short names: containers-registries.conf(5).\n"
                    + "Drop-ins (*.conf) are in the folder of the same name with \".d\" behind it.", check: Check.folder
            ),
            Setting(
                "short_name_aliases", \.image.shortNameAliases, "Aliases of short names that other programs write.",
                check: Check.folder),
            Setting(
                "certificate_dirs", \.image.certificateDirs,
                "Folders with a folder for each registry: authorities (*.crt), certificates of ours (*.cert, *.key).",
                check: Check.paths),
            Setting(
                "auth_files", \.image.authFiles,
                "Credentials (containers-auth.json(5), Docker's config.json), searched in this order.",
                check: Check.paths),
            Setting(
                "auth_dir", \.image.authDir,
                "Where crio-credential-provider leaves credentials of a pod's namespace for one pull, also for mirrors:\n"
                    + "NAMESPACE-HASH.json.", check: Check.folder),
            Setting(
                "policy", \.image.policy,
                "Which images may be used: containers-policy.json(5). All of them when there is no such file.",
                check: Check.folder),
            Setting(
                "policy_dir", \.image.policyDir,
                "Policies for pods by namespace (NAMESPACE.json), in place of `policy`.", check: Check.folder),
            Setting(
                "registries_dir", \.image.registriesDir,
                "Where signatures are found: containers-registries.d(5).", check: Check.folder),
            Setting(
                "stall_timeout", \.image.stallTimeout,
                "How long a registry may send nothing before the download is continued with a new connection.",
                check: Check.time),
            Setting(
                "minimum_rate", \.image.minimumRate,
                "Fewest bytes per second, on average over `stall_timeout`, that it may send before the same is done; 0 for any.",
                check: Check.count),
            Setting(
                "downloads_per_registry", \.image.downloadsPerRegistry,
                "Most layers received at the same time from one registry.", check: Check.some),
            Setting(
                "downloads", \.image.downloads, "Most layers received at the same time in all.", check: Check.some),
        ])
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension DaemonConfig {
    /// What may be done with the state of running containers.
    package enum CheckpointLevel: String, Sendable, CaseIterable {
        case none
        case checkpointOnly = "checkpoint_only"
        case checkpointRestore = "checkpoint_restore"
    }

    /// Section `[checkpoint_restore]`.
    package struct Checkpoints: Sendable, Equatable {
        /// What may be done with containers.
        package var containerLevel = CheckpointLevel.checkpointRestore
        /// Where archives must be that containers are made from.
        package var restoreDirs = ["/var/lib/kubelet/checkpoints"]
    }

    static let checkpointSection = Section(
        name: "checkpoint_restore", meaning: "Checkpoints of containers, and containers made from them.",
        settings: [
            Setting(
                "container_level_enabled", \.checkpoints.containerLevel,
                "What may be done: none, checkpoint_only or checkpoint_restore."),
            Setting(
                "restore_dirs", \.checkpoints.restoreDirs,
                "Folders with the archives that containers may be made from: their processes get all rights that are in it.",
                check: Check.paths),
        ])
}

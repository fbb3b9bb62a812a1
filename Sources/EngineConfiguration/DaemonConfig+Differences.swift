// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension DaemonConfig {
    /// The keys that have another value in `other`, with their sections: `cni.timeout`, `runtime.handlers.crun.path`; the
    /// section of a handler that only one of the two has.
    package func keysDiffering(from other: DaemonConfig) -> [String] {
        var keys: [String] = []
        for section in Self.sections {
            let prefix = section.name.isEmpty ? "" : section.name + "."
            keys += section.settings.filter { $0.show(self) != $0.show(other) }.map { prefix + $0.name }
        }
        for kind in Self.namedSections { keys += kind.differences(self, other) }
        return keys
    }

    /// This configuration with what may change while pods run as `wanted` has it: what is logged, how containers are made
    /// and restored, the handlers, and which images are pinned. The rest, which `keysDiffering` tells, was used when the
    /// engine started.
    package func reloading(_ wanted: DaemonConfig) -> DaemonConfig {
        var config = self
        (config.logLevel, config.logFilter) = (wanted.logLevel, wanted.logFilter)
        config.image.pinned = wanted.image.pinned
        config.runtime = wanted.runtime
        config.checkpoints = wanted.checkpoints
        config.runtime.cgroupDriver = runtime.cgroupDriver
        config.runtime.cgroupParent = runtime.cgroupParent
        config.runtime.monitor = runtime.monitor
        return config
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Confinement
package import OCIRuntimeSpec

/// What this runtime supports, for `features`. See features.md of the runtime specification.
package enum RuntimeFeatures {
    package static var all: Features {
        Features(
            ociVersionMin: "1.0.0", ociVersionMax: Spec.version,
            hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
            mountOptions: MountOptions.names,
            linux: LinuxFeatures(
                namespaces: LinuxNamespaceType.allCases.map(\.rawValue).sorted(),
                capabilities: CapabilitySet.allNames,
                cgroup: CgroupFeatures(v1: true, v2: true, systemd: true, systemdUser: true, rdma: true),
                seccomp: seccomp, apparmor: FeatureSwitch(enabled: true), selinux: FeatureSwitch(enabled: true),
                intelRdt: IntelRdtFeatures(enabled: true, schemata: true, monitoring: true),
                memoryPolicy: MemoryPolicyFeatures(
                    modes: MemoryPolicyPlan.modes.map(\.name), flags: MemoryPolicyPlan.flags.map(\.name)),
                mountExtensions: MountExtensions(idmap: FeatureSwitch(enabled: true)),
                netDevices: FeatureSwitch(enabled: true)),
            annotations: [
                // The names by which callers of runc and of crun ask.
                "org.opencontainers.runc.checkpoint.enabled": "true", "run.oci.crun.checkpoint.enabled": "true",
            ],
            potentiallyUnsafeConfigAnnotations: RuntimeAnnotations.names)
    }

    private static var seccomp: SeccompFeatures {
        SeccompFeatures(
            enabled: true,
            actions: LinuxSeccompAction.allCases.map(\.rawValue).sorted(),
            operators: LinuxSeccompOperator.allCases.map(\.rawValue).sorted(),
            archs: LinuxSeccompArch.allCases.map(\.rawValue).sorted(),
            knownFlags: LinuxSeccompFlag.allCases.map(\.rawValue).sorted(),
            supportedFlags: SeccompFilter.supportedFlags.map(\.rawValue).sorted())
    }
}

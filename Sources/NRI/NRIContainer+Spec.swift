// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import NRIAPI
package import OCIRuntimeSpec
internal import SwiftProtobuf

extension NRIContainer {
    /// What plugins are told of a specification.
    package init(_ spec: Spec) {
        self.init()
        annotations = spec.annotations ?? [:]
        mounts = (spec.mounts ?? []).map { mount in
            .with {
                ($0.destination, $0.type) = (mount.destination, mount.type ?? "")
                ($0.source, $0.options) = (mount.source ?? "", mount.options ?? [])
            }
        }
        if let hooks = spec.hooks { self.hooks = NRIHooks(hooks) }
        if let process = spec.process { describe(process) }
        if let linux = spec.linux { describe(linux) }
    }

    private mutating func describe(_ process: Process) {
        args = process.args ?? []
        env = process.env ?? []
        rlimits = (process.rlimits ?? []).map { limit in
            .with { ($0.type, $0.hard, $0.soft) = (limit.type, limit.hard, limit.soft) }
        }
        if let user = process.user {
            (self.user.uid, self.user.gid) = (user.uid ?? 0, user.gid ?? 0)
            self.user.additionalGids = user.additionalGids ?? []
        }
        if let score = process.oomScoreAdj { linux.oomScoreAdj.value = Int64(score) }
        if let priority = process.ioPriority {
            let classes = [NRIIOPrioClass.rt, .be, .idle]
            linux.ioPriority.class = classes.first { $0.word == priority.class } ?? .none
            linux.ioPriority.priority = priority.priority ?? 0
        }
    }

    private mutating func describe(_ config: LinuxConfig) {
        linux.namespaces = (config.namespaces ?? []).map { namespace in
            .with { ($0.type, $0.path) = (namespace.type.rawValue, namespace.path ?? "") }
        }
        linux.devices = (config.devices ?? []).map(NRILinuxDevice.init)
        linux.resources = NRILinuxResources(config.resources ?? LinuxResources())
        linux.cgroupsPath = config.cgroupsPath ?? ""
        linux.sysctl = config.sysctl ?? [:]
        linux.netDevices = (config.netDevices ?? [:]).mapValues { device in .with { $0.name = device.name ?? "" } }
        if let seccomp = config.seccomp { linux.seccompPolicy = NRILinuxSeccomp(seccomp) }
    }
}

extension NRIHooks {
    fileprivate init(_ hooks: Hooks) {
        self.init()
        func list(_ hooks: [Hook]?) -> [NRIHook] {
            (hooks ?? []).map { hook in
                .with {
                    ($0.path, $0.args, $0.env) = (hook.path, hook.args ?? [], hook.env ?? [])
                    if let timeout = hook.timeout { $0.timeout.value = Int64(timeout) }
                }
            }
        }
        prestart = list(hooks.prestart)
        createRuntime = list(hooks.createRuntime)
        createContainer = list(hooks.createContainer)
        startContainer = list(hooks.startContainer)
        poststart = list(hooks.poststart)
        poststop = list(hooks.poststop)
    }
}

extension NRILinuxDevice {
    fileprivate init(_ device: LinuxDevice) {
        self.init()
        (path, type, major, minor) = (device.path, device.type, device.major ?? 0, device.minor ?? 0)
        if let mode = device.fileMode { fileMode.value = mode }
        if let owner = device.uid { uid.value = owner }
        if let group = device.gid { gid.value = group }
    }
}

extension NRILinuxSeccomp {
    fileprivate init(_ seccomp: LinuxSeccomp) {
        self.init()
        defaultAction = seccomp.defaultAction.rawValue
        if let errno = seccomp.defaultErrnoRet { defaultErrno.value = errno }
        architectures = (seccomp.architectures ?? []).map(\.rawValue)
        flags = (seccomp.flags ?? []).map(\.rawValue)
        (listenerPath, listenerMetadata) = (seccomp.listenerPath ?? "", seccomp.listenerMetadata ?? "")
        syscalls = (seccomp.syscalls ?? []).map { rule in
            .with {
                ($0.names, $0.action) = (rule.names, rule.action.rawValue)
                if let errno = rule.errnoRet { $0.errnoRet.value = errno }
                $0.args = (rule.args ?? []).map { argument in
                    .with {
                        ($0.index, $0.value) = (argument.index, argument.value)
                        ($0.valueTwo, $0.op) = (argument.valueTwo ?? 0, argument.op.rawValue)
                    }
                }
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIRuntimeSpec

extension SpecBuilder {
    /// Carries out what CDI files ask for, in their order; a later edit of the same thing replaces an earlier one.
    mutating func applyDeviceEdits() {
        for edits in input.deviceEdits {
            for variable in edits.env ?? [] { setVariable(variable) }
            for mount in edits.mounts ?? [] { add(mount) }
            for hook in edits.hooks ?? [] { add(hook) }
            for device in edits.netDevices ?? [] {
                linux.netDevices = (linux.netDevices ?? [:]).merging(
                    [device.hostInterfaceName: LinuxNetDevice(name: device.name)]) { $1 }
            }
            let groups = (edits.additionalGids ?? []).filter { $0 != 0 }
            if !groups.isEmpty {
                let present = process.user?.additionalGids ?? []
                process.user?.additionalGids = Set(present + groups).sorted()
            }
        }
    }

    /// A finished specification with more devices.
    static func add(_ edits: [CDIEdits], _ devices: [PreparedDevice], to spec: Spec, _ input: Input) -> Spec {
        var input = input
        input.deviceEdits = edits
        var builder = SpecBuilder(input)
        builder.spec = spec
        builder.process = spec.process ?? builder.process
        builder.linux = spec.linux ?? builder.linux
        builder.applyDeviceEdits()
        let paths = Set(devices.map(\.node.path))
        let present = (builder.linux.devices ?? []).filter { !paths.contains($0.path) }
        if !devices.isEmpty { builder.linux.devices = present + devices.map(\.node) }
        var result = builder.spec
        (result.process, result.linux) = (builder.process, builder.linux)
        result.linux?.resources?.devices?.append(contentsOf: devices.map(\.rule))
        return result
    }

    private mutating func setVariable(_ text: String) {
        let name = text.prefix { $0 != "=" } + "="
        process.env = (process.env ?? []).filter { !$0.hasPrefix(name) } + [text]
    }

    private mutating func add(_ mount: CDIEdits.Mount) {
        let target = PathText.normalised(mount.containerPath)
        let made = Mount(
            destination: target, type: mount.type ?? "bind", source: mount.hostPath,
            options: mount.options ?? ["rbind", "nosuid", "nodev", "ro"])
        spec.mounts = (spec.mounts ?? []).filter { $0.destination != target } + [made]
    }

    private mutating func add(_ hook: CDIEdits.Hook) {
        let made = Hook(path: hook.path, args: hook.args, env: hook.env, timeout: hook.timeout)
        addHook(made, at: hook.hookName)
    }

    /// Behind those that are there; a stage that does not exist is passed over.
    mutating func addHook(_ hook: Hook, at stage: String) {
        var hooks = spec.hooks ?? Hooks()
        switch stage {
        case "prestart": hooks.prestart = (hooks.prestart ?? []) + [hook]
        case "createRuntime": hooks.createRuntime = (hooks.createRuntime ?? []) + [hook]
        case "createContainer": hooks.createContainer = (hooks.createContainer ?? []) + [hook]
        case "startContainer": hooks.startContainer = (hooks.startContainer ?? []) + [hook]
        case "poststart": hooks.poststart = (hooks.poststart ?? []) + [hook]
        case "poststop": hooks.poststop = (hooks.poststop ?? []) + [hook]
        default: return
        }
        spec.hooks = hooks
    }
}

extension CDIEdits.Node {
    /// The node as the host has it, where the file does not say.
    func device(asking look: (String) throws -> LinuxDevice) throws -> PreparedDevice {
        var node: LinuxDevice
        if let type, type == "p" || (major != nil && minor != nil) {
            node = LinuxDevice(type: type, path: path, major: major, minor: minor)
        } else {
            node = try look(hostPath ?? path)
            node.path = path
        }
        node.fileMode = fileMode ?? node.fileMode
        node.uid = uid ?? node.uid
        node.gid = gid ?? node.gid
        return PreparedDevice(node: node, access: permissions ?? "rwm")
    }
}

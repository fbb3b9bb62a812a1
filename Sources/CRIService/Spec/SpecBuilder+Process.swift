// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import OCIImageSpec
internal import OCIRuntimeSpec

extension SpecBuilder {
    /// A command of the request replaces the image's entrypoint and its arguments; arguments alone replace the image's
    /// arguments. This is how Kubernetes maps `command` and `args`.
    mutating func setCommand() throws(ServiceError) {
        let container = input.container
        if !container.command.isEmpty {
            process.args = container.command + container.args
        } else {
            let arguments = container.args.isEmpty ? input.image.cmd ?? [] : container.args
            process.args = (input.image.entrypoint ?? []) + arguments
        }
        guard process.args?.isEmpty == false else {
            throw ServiceError(.invalid, "choose the command", nil, "neither the request nor the image has one")
        }
        process.cwd = try directory()
        process.terminal = container.tty ? true : nil
    }

    private func directory() throws(ServiceError) -> String {
        let path = input.container.workingDir.isEmpty ? input.image.workingDir ?? "" : input.container.workingDir
        if path.isEmpty { return "/" }
        guard path.hasPrefix("/") else {
            throw ServiceError(.invalid, "set the working directory", path, "not an absolute path")
        }
        return path
    }

    /// The image's variables, then the request's, each name once at its first place; then what programs count on.
    mutating func setEnvironment() {
        var names: [String] = []
        var values: [String: String] = [:]
        func set(_ name: String, _ value: String) {
            if values.updateValue(value, forKey: name) == nil { names.append(name) }
        }
        for variable in input.image.env ?? [] {
            let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, !parts[0].isEmpty { set(String(parts[0]), String(parts[1])) }
        }
        for variable in input.container.envs {
            set(variable.key, String(decoding: variable.value, as: UTF8.self))
        }
        func setIfMissing(_ name: String, _ value: String) {
            if values[name] == nil { set(name, value) }
        }
        for variable in input.defaults.environment {
            let name = String(variable.prefix { $0 != "=" })
            setIfMissing(name, String(variable.dropFirst(name.count + 1)))
        }
        setIfMissing("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        if !input.surroundings.hostname.isEmpty { setIfMissing("HOSTNAME", input.surroundings.hostname) }
        if input.container.tty { setIfMissing("TERM", "xterm") }
        // By this programs, systemd among them, find out where they are.
        setIfMissing("container", "skiff")
        process.env = names.map { "\($0)=\(values[$0] ?? "")" }
    }

    /// Who the process is and what it may do.
    mutating func setIdentity() throws(ServiceError) {
        let user = input.user
        process.user = User(uid: user.uid, gid: user.gid, umask: try umask(), additionalGids: user.groups)
        let request = security.capabilities
        let capabilities = try Capabilities(
            defaults: input.defaults.capabilities, add: request.addCapabilities, drop: request.dropCapabilities,
            ambient: request.addAmbientCapabilities, privileged: isPrivileged, holds: input.host.capabilities)
        process.capabilities = LinuxCapabilities(
            bounding: capabilities.sets, effective: capabilities.sets,
            inheritable: capabilities.ambient, permitted: capabilities.sets, ambient: capabilities.ambient)
        process.noNewPrivileges = security.noNewPrivs
        if !input.defaults.limits.isEmpty { process.rlimits = input.defaults.limits }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import ImageStore
internal import Linux
internal import MonitorProtocol
internal import OCIImageSpec
internal import OCIRuntimeSpec

extension Container {
    /// Looks up all that the specification depends on.
    func specInput(_ image: Image, rootfs: String) async throws -> SpecBuilder.Input {
        let execution = image.config.config ?? ImageConfig.Execution()
        let labels = pod.labels(config, execution)
        let surroundings = try await surroundings()
        let images = try await mountImages(label: fileLabel(execution))
        let (config, engine, handler, users) = (config, engine, handler, pod.plan.users)
        let settings = engine.currentSettings
        let runtime = settings.config.runtime
        let options = runtime.options(ofHandler: handler.name)
        let working = config.workingDir.isEmpty ? execution.workingDir ?? "" : config.workingDir
        let allowed = runtime.allowedAnnotations(ofHandler: handler.name, pod.config.annotations)
        let asked = try AnnotatedDevices.find(
            pod.config.annotations, rules: allowed, devices: runtime.allowedDevices)
        let volumes = ImageVolumes(
            places: Array((execution.volumes ?? [:]).keys), way: runtime.imageVolumes, folder: paths.imageVolumes(id),
            users: users, label: fileLabel(execution))
        let (relabelling, logs) = (relabelling(labels, allowed), try pod.linkedLogs()?.volume)
        let (declared, looked) = try await BlockingPool.run {
            let declared = try volumes.make(in: rootfs)
            let looked = try SpecSources(
                config,
                SpecSources.Places(
                    imageUser: execution.user ?? "", workingDirectory: working.isEmpty ? "/" : working,
                    devices: asked, rootfs: rootfs, storage: engine.config.root, runtime: runtime, handler: options,
                    features: engine.features.features(of: handler), images: images, relabelling: relabelling,
                    logs: logs))
            return (declared, looked)
        }
        try pod.plan.users?.check(looked.user)
        let group = try ResctrlClass.find(
            container: config.metadata.name, config.annotations, pod: pod.config.annotations, rules: allowed)
        if let group { try await BlockingPool.run { try ResctrlClass.check(group) } }
        let blockIO = try await blockIO(allowed)
        let apparmor = try await appArmorProfile()
        var defaults = SpecBuilder.Defaults(
            capabilities: runtime.defaultCapabilities, pidsLimit: runtime.pidsLimit,
            seccomp: settings.standardSeccomp(of: handler.name), localhostSeccomp: looked.localhostSeccomp)
        defaults.privilegedSeccomp = settings.privilegedSeccomp
        defaults.annotatedSeccomp = try await annotatedSeccomp(image, allowed)
        defaults.isReadOnly = runtime.readOnly
        defaults.minimumMemory = engine.minimumMemory(of: handler)
        defaults.annotations = options.defaultAnnotations
        defaults.limits = runtime.defaultUlimits.compactMap(Ulimit.init).map {
            POSIXRlimit(type: $0.type, hard: $0.hard, soft: $0.soft)
        }
        defaults.environment = runtime.defaultEnvironment
        defaults.allowedAnnotations = allowed
        defaults.workload = try runtime.workload(of: pod.config.annotations).map { workload throws(ServiceError) in
            try WorkloadResources(
                workload, container: config.metadata.name, annotations: pod.config.annotations)
        }
        var input = SpecBuilder.Input(
            pod: pod.config, container: config, image: execution, podID: pod.id, containerID: id, rootfs: rootfs,
            user: looked.user, surroundings: surroundings, mounts: looked.mounts, devices: looked.devices,
            host: engine.host, defaults: defaults)
        input.deviceEdits = looked.deviceEdits
        input.hooks = looked.hooks
        input.imageVolumes = declared
        input.apparmorProfile = apparmor
        input.notifier = wantedNotifier
        input.labels = labels
        input.resctrlGroup = group
        input.blockIO = blockIO
        let label = fileLabel(execution)
        if let passwd = looked.passwd { input.passwdFile = try await write(passwd, to: paths.passwd(id), label) }
        if let group = looked.group { input.groupFile = try await write(group, to: paths.group(id), label) }
        if FIPSAnnotation.asksToHideIt(pod.config.annotations, allowed), engine.host.tellsOfFIPS {
            input.fipsFile = try await write("0\n", to: paths.fips(id), label)
        }
        return input
    }

    /// The label of the container's files, where the kernel has labels.
    func fileLabel(_ image: ImageConfig.Execution) -> String? {
        engine.host.hasSELinux ? pod.labels(config, image)?.file.text : nil
    }

    /// Of the class of block I/O that annotations ask for.
    private func blockIO(_ rules: [String]) async throws -> LinuxBlockIO? {
        let asked = try ClassAnnotation.blockIO.find(
            container: config.metadata.name, config.annotations, pod: pod.config.annotations, rules: rules)
        guard let name = asked?.name else { return nil }
        let file = engine.config.runtime.blockIOConfigFile
        return try await BlockingPool.run { try BlockIOClass.read(name, from: file).resolved() }
    }

    /// How volumes are labelled that the request wants to be; nil where they stay as they are.
    private func relabelling(_ labels: SELinuxLabels?, _ rules: [String]) -> MountSources.Relabelling? {
        // Processes of this type may use what has any label.
        guard engine.host.hasSELinux, let labels, labels.process.type != "spc_t" else { return nil }
        let names = ["try-skip-volume-selinux-label.crio.io", "io.kubernetes.cri-o.TrySkipVolumeSELinuxLabel"]
        let skips = AnnotationRules.find(names, in: pod.config.annotations, rules)?.value == "true"
        return MountSources.Relabelling(label: labels.file.text, passesOverLabelled: skips)
    }

    /// The profile that the request means, which the kernel must have; nil where it runs without AppArmor.
    private func appArmorProfile() async throws -> String? {
        guard engine.host.hasAppArmor else { return nil }
        let (profiles, request) = (engine.appArmor, AppArmorRequest(config.linux.securityContext))
        let standard = engine.config.runtime.apparmorProfile
        return try await BlockingPool.run { try profiles.profile(request, standard: standard) }
    }

    private func write(_ text: String, to file: String, _ label: String?) async throws -> String {
        let root = pod.plan.users?.root
        try await BlockingPool.run {
            try SystemError.attempt("write", file) { () throws(Errno) in
                try AtomicFile.write(file, text, mode: 0o644)
                if let root { try Syscall.changeOwner(file, uid: root.uid, gid: root.gid) }
            }
            if let label { try SELinuxTree.label(file, label) }
        }
        return file
    }

    private func surroundings() async throws -> SpecBuilder.Surroundings {
        let plan = pod.plan
        let kinds: [(LinuxNamespaceType, String)] = [
            (.network, "net"), (.uts, "uts"), (.ipc, "ipc"), (.pid, "pid"), (.user, "user"),
        ]
        var namespaces: [LinuxNamespaceType: String] = [:]
        for (type, kind) in kinds where plan.namespaces.contains(kind) {
            namespaces[type] = paths.namespace(pod.id, kind)
        }
        let options = config.linux.securityContext.namespaceOptions
        var surroundings = SpecBuilder.Surroundings(
            namespaces: namespaces,
            targetPIDNamespace: options.pid == .target ? try await target(options.targetID) : nil,
            cgroupsPath: plan.cgroup.cgroupsPath(container: id),
            hostname: plan.usesHostNetwork ? try PodFiles.hostName() : pod.config.hostname,
            hostnameFile: paths.hostname(pod.id), hostsFile: paths.hosts(pod.id), resolvFile: paths.resolv(pod.id),
            shm: plan.usesHostIPC ? "/dev/shm" : paths.shm(pod.id))
        surroundings.users = plan.users
        let mark = paths.containerMark(pod.id)
        surroundings.containerMark = Syscall.exists(mark) ? mark : nil
        return surroundings
    }

    /// The PID namespace of another container of the pod; nil when it is not running.
    private func target(_ id: String) async throws -> String? {
        let found = try engine.table.container(id)
        guard found.pod === pod, let process = await found.state.process else { return nil }
        return "/proc/\(process.pid)/ns/pid"
    }
}

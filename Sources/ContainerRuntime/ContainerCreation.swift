// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIRuntimeSpec

/// What `create` and `run` were asked for.
package struct CreateRequest: Sendable {
    package var id: String
    /// Absolute path.
    package var bundle: String
    /// Path of the configuration; `config.json` of the bundle when nil.
    package var configuration: String?
    /// Absolute path of the file that gets the pid.
    package var pidFile: String?
    /// Path of the socket that gets the terminal's master.
    package var consoleSocket: String?
    /// Path of the socket that gets the pidfd of the process.
    package var pidfdSocket: String?
    package var preservedDescriptors: Int32 = 0
    /// Variables for the program besides those of the configuration.
    package var environment: [String] = []
    package var pivots = true
    package var newKeyring = true
    /// `create`: the process waits for `start`. `run`: it executes at once.
    package var waitsForStart = true
    /// The runtime stays, and carries the terminal itself.
    package var isForeground = false
    /// Socket of the service manager that wants to know when the program is ready.
    package var notifySocket: String?
    /// The caller has no rights on the host: cgroups are used only where they were delegated.
    package var isRootless = false
    /// Where newuidmap(1) and newgidmap(1) are looked for.
    package var searchPath = ""
    package var cgroupManager = CgroupManager.cgroupfs

    package init(id: String, bundle: String) {
        self.id = id
        self.bundle = bundle
    }
}

/// A container that was created, with what a runtime in the foreground needs.
package struct CreatedContainer: Sendable {
    package let container: Container
    let process: SharedPidFD
    /// The master's end of its terminal, where the runtime in the foreground has to carry it.
    let terminal: SharedFD?
    /// Where the program says that it is ready; nil where nobody waits for it, or `start` will.
    package let notifySocket: NotifySocket?
    /// What is no error, but will be wondered about.
    package let warnings: [String]

    /// Waits until the program says that it is ready, if somebody wants to know.
    package func waitUntilReady() throws { try notifySocket?.relay(process, pid: container.record.pid) }
}

/// The making of a container. Either all of it is there afterwards or nothing: no process, cgroup, mount or directory.
struct ContainerCreation {
    let request: CreateRequest
    let store: StateStore
    let plan: ContainerPlan
    let configuration: [UInt8]
    var record: ContainerRecord
    /// What annotations ask of systemd.
    let unitProperties: [UnitProperty]
    /// Set once there is a cgroup to undo.
    var hasCgroup = false
    /// Set once there is a pid file to undo.
    var hasPidFile = false
    /// Set once network interfaces of the host may have to be given back.
    var networkDevices: NetworkDevices?
    /// Set once hooks may have made something that poststop hooks undo.
    var hasRunHooks = false

    /// Reads and checks; touches nothing.
    init(_ request: CreateRequest, in store: StateStore, host: HostFacts) throws {
        self.request = request
        self.store = store
        try StateStore.checkID(request.id)
        let path = request.configuration ?? request.bundle + "/config.json"
        configuration = try BundleConfiguration.read(path)
        let spec = try BundleConfiguration.parse(configuration, path)
        var plan = try ContainerPlan(spec: spec, bundle: request.bundle, host: host)
        try Self.checkTerminal(plan, request)
        try Self.checkPivot(plan, request)
        try Self.checkRights(plan)
        try PreservedDescriptors.check(request.preservedDescriptors)
        plan.rootfs = try Self.resolveRootfs(plan.rootfs)
        plan.process.environment += request.environment
        if request.notifySocket != nil { try Self.addNotifySocket(to: &plan, store.notifyDirectory(request.id)) }
        // Nobody but root may make rules for devices; in a user namespace there are none but the host's.
        if request.isRootless { plan.resources.devices = nil }
        self.plan = plan
        let location = try request.cgroupManager.location(plan.cgroupsPath, request.id, isRootless: request.isRootless)
        unitProperties = try request.cgroupManager.unitProperties(plan.annotations)
        record = ContainerRecord(
            id: request.id, bundle: plan.bundle, rootfs: plan.rootfs, ociVersion: spec.ociVersion,
            annotations: plan.annotations, created: TimeText.now(),
            owner: UserDatabase.name(of: Syscall.effectiveUserID), cgroup: location,
            hasPIDNamespace: plan.namespaces[.pid] == .create, poststart: plan.hooks.poststart,
            poststop: plan.hooks.poststop)
        record.resctrl = try plan.resctrl.map { plan in
            ResctrlGroup(plan, id: request.id, root: try ResctrlGroup.mountPoint())
        }
        record.keyring = request.newKeyring ? "_ses.\(request.id)" : nil
    }

    /// Carries out the plan; on failure everything is undone.
    mutating func run() throws -> CreatedContainer {
        try orNothing { creation throws in try creation.create() }
    }

    /// Runs a way of making the container and undoes on failure what it has made.
    mutating func orNothing(
        _ make: (inout ContainerCreation) throws -> CreatedContainer
    ) throws -> CreatedContainer {
        try store.reserve(request.id)
        do {
            return try make(&self)
        } catch {
            // The first failure is the one to tell. What cannot be undone here, `delete --force` will find.
            networkDevices?.moveBack()
            try? record.resctrl?.remove()
            if hasCgroup {
                let driver = record.cgroup.driver()
                try? driver.kill()
                try? driver.delete()
            }
            if hasPidFile, let path = request.pidFile { ProcessIDFile.remove(path) }
            try? store.remove(request.id)
            if hasRunHooks {
                let state = Container(record, in: store).state(.stopped)
                _ = HookRunner.runAll(plan.hooks.poststop, .poststop, state)
            }
            throw error
        }
    }

    private mutating func create() throws -> CreatedContainer {
        let driver = try prepareCgroup()
        let console = try connectConsole()
        let notifySocket = try makeNotifySocket()
        let context = try prepareContext(driver)
        let isolation = Isolation(plan.namespaces, context.joined)
        var process = try InitProcess.spawn(
            isolation, into: context.entrance?.birthPlace, handsTerminal: plan.process.hasTerminal,
            timeOffsets: plan.timeOffsets,
            newTimeNamespace: plan.namespaces[.time] == .create && !isolation.ownsTime,
            hostProc: context.hostProc
        ) { channel, isBornInCgroup in
            InitSequence(context, channel, isBornInCgroup: isBornInCgroup).run(isolation)
        }
        do {
            let terminal = try attend(&process, driver, console, context, isolation)
            return CreatedContainer(
                container: Container(record, in: store), process: SharedPidFD(process.takePidFD()), terminal: terminal,
                notifySocket: notifySocket, warnings: [plan.seccomp?.warning].compactMap(\.self))
        } catch {
            throw InitProcess.explain(error, ending: process.kill(), driver)
        }
    }

    /// Records what will exist, and makes the cgroup with its limits.
    mutating func prepareCgroup() throws -> any CgroupDriver {
        let own = try SystemError.attempt("read", "/proc/self/stat") { () throws(Errno) in
            try ProcStat(Syscall.processID)
        }
        record.creator = .init(pid: own.pid, startTime: own.startTime)
        try store.saveConfiguration(request.id, configuration)
        try store.save(record)
        // Recorded before it exists, so that a killed runtime leaves nothing that `delete` cannot find.
        let driver = record.cgroup.driver()
        try requireFreeCgroup(driver)
        hasCgroup = true
        if !driver.needsMember { try establish(driver, member: nil) }
        try makeResctrlGroup()
        return driver
    }
}

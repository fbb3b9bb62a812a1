// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux
internal import OCIRuntimeSpec

/// `update`.
enum UpdateCommand {
    static let command = Command(
        name: "update", summary: "change the limits of a container while it runs",
        details: """
            What is not given stays as it is. FILE holds the object "linux.resources" of a configuration, and may hold
            all of its properties; options count more than the file. Sizes are in bytes or end in K, M, G or T.
            """,
        options: OptionTable([
            .value("resources r", "FILE", "read limits from a file, or from standard input where FILE is -"),
            .value("blkio-weight", "N", "weight of block I/O, 10 to 1000"),
            .value("cpu-period", "MICROSECONDS", "length of a period of CPU time"),
            .value("cpu-quota", "MICROSECONDS", "CPU time in each period; -1 is unlimited"),
            .value("cpu-burst", "MICROSECONDS", "unused CPU time that may be spent later"),
            .value("cpu-share", "N", "share of CPU time, 2 to 262144"),
            .value("cpu-rt-period", "MICROSECONDS", "length of a period of realtime scheduling"),
            .value("cpu-rt-runtime", "MICROSECONDS", "realtime scheduling in each period"),
            .value("cpu-idle", "0|1", "1: run only when nothing else does"),
            .value("cpuset-cpus", "LIST", "CPUs, such as 0-3,7"),
            .value("cpuset-mems", "LIST", "memory nodes"),
            .value("memory", "SIZE", "memory; -1 is unlimited"),
            .value("memory-reservation", "SIZE", "memory that is left to the container when it runs short"),
            .value("memory-swap", "SIZE", "memory and swap together; -1 is unlimited"),
            .value("kernel-memory", "SIZE", "accepted and without effect"),
            .value("kernel-memory-tcp", "SIZE", "accepted and without effect"),
            .value("pids-limit", "N", "number of tasks; -1 is unlimited"),
            .value("l3-cache-schema", "LINE", "allocation of L3 cache, a line of resctrl"),
            .value("mem-bw-schema", "LINE", "allocation of memory bandwidth, a line of resctrl"),
        ]), run: run)

    private static func run(_ invocation: Invocation) throws -> Int32 {
        let options = invocation.options
        let container = try invocation.container()
        var request = UpdateRequest()
        if let path = options["resources"], !path.isEmpty { request.resources = try read(path) }
        try add(options, to: &request.resources)
        request.cacheSchema = options["l3-cache-schema"]
        request.bandwidthSchema = options["mem-bw-schema"]
        for name in ["kernel-memory", "kernel-memory-tcp"] where options[name] != nil {
            invocation.log.write(.warning, "--\(name) is ignored: kernels have no such limit any more")
        }
        try container.update(request)
        return 0
    }

    private static func read(_ path: String) throws -> LinuxResources {
        let name = path == "-" ? "standard input" : path
        let bytes = try SystemError.attempt(path == "-" ? "read" : "open", name) { () throws(Errno) in
            try path == "-" ? readInput() : Syscall.readFile(path)
        }
        do throws(PlanError) {
            return try JSONText.decode(LinuxResources.self, bytes)
        } catch {
            throw PlanError("read \"\(name)\": \(error)")
        }
    }

    private static func readInput() throws(Errno) -> [UInt8] {
        var all: [UInt8] = []
        while all.count < 1 << 24 {
            let bytes = try Syscall.read(0, upTo: 65536)
            if bytes.isEmpty { return all }
            all += bytes
        }
        throw .EFBIG
    }

    /// As in runc, 0 and an empty text mean that an option is not given.
    private static func add(_ options: ParsedArguments, to resources: inout LinuxResources) throws {
        var cpu = resources.cpu ?? LinuxCPU()
        func number<Number: FixedWidthInteger>(_ name: String, _ type: Number.Type = Number.self) throws -> Number? {
            guard let text = options[name], !text.isEmpty else { return nil }
            return try LimitText.number(text, of: name)
        }
        cpu.shares = try number("cpu-share") ?? cpu.shares
        cpu.quota = try number("cpu-quota") ?? cpu.quota
        cpu.period = try number("cpu-period") ?? cpu.period
        cpu.burst = try number("cpu-burst") ?? cpu.burst
        cpu.realtimePeriod = try number("cpu-rt-period") ?? cpu.realtimePeriod
        cpu.realtimeRuntime = try number("cpu-rt-runtime") ?? cpu.realtimeRuntime
        cpu.idle = try number("cpu-idle") ?? cpu.idle
        cpu.cpus = options["cpuset-cpus"] ?? cpu.cpus
        cpu.mems = options["cpuset-mems"] ?? cpu.mems
        if cpu != LinuxCPU() { resources.cpu = cpu }
        if let limit = try number("pids-limit", Int64.self), limit != 0 { resources.pids = LinuxPids(limit: limit) }
        if let weight = try number("blkio-weight", UInt16.self), weight != 0 {
            var blockIO = resources.blockIO ?? LinuxBlockIO()
            blockIO.weight = weight
            resources.blockIO = blockIO
        }
        try addMemory(options, to: &resources)
    }

    private static func addMemory(_ options: ParsedArguments, to resources: inout LinuxResources) throws {
        var memory = resources.memory ?? LinuxMemory()
        func size(_ name: String) throws -> Int64? {
            guard let text = options[name], !text.isEmpty else { return nil }
            return try LimitText.size(text, of: name)
        }
        memory.limit = try size("memory") ?? memory.limit
        memory.reservation = try size("memory-reservation") ?? memory.reservation
        memory.swap = try size("memory-swap") ?? memory.swap
        if memory != LinuxMemory() { resources.memory = memory }
    }
}

/// Numbers as people write them.
enum LimitText {
    static func number<Number: FixedWidthInteger>(_ text: String, of option: String) throws -> Number {
        guard let number = Number(text) else {
            let range = Number.isSigned ? "" : " from 0 to \(Number.max)"
            throw UsageError("invalid value for \(option): \"\(text)\" is not a number\(range)")
        }
        return number
    }

    /// `512M`, `1.5g`, `64KiB`, `4096` or `-1`.
    static func size(_ text: String, of option: String) throws -> Int64 {
        if text == "-1" { return -1 }
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
        let shifts = ["": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50]
        let prefix =
            unit == "b"
            ? "" : unit.hasSuffix("ib") ? unit.dropLast(2) : unit.hasSuffix("b") ? unit.dropLast() : unit[...]
        guard let shift = shifts[String(prefix)], let number = Double(digits) else {
            throw UsageError("invalid value for \(option): invalid size: '\(text)'")
        }
        // A whole number stays exact however large it is.
        if let whole = Int64(digits) {
            let (bytes, overflow) = whole.multipliedReportingOverflow(by: 1 << Int64(shift))
            if !overflow { return bytes }
        } else if number * Double(1 << shift) < Double(Int64.max) {
            return Int64(number * Double(1 << shift))
        }
        throw UsageError("invalid value for \(option): size '\(text)' is too large")
    }
}

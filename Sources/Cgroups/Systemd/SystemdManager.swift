// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// systemd's manager of units, the system's or a user's. See org.freedesktop.systemd1(5).
struct SystemdManager: ~Copyable {
    private var connection: DBusConnection
    private let destination: String?

    private static let path = "/org/freedesktop/systemd1"
    private static let interface = "org.freedesktop.systemd1.Manager"

    /// Connects. The manager's own socket is there before any bus and saves a step, but only root may use the system's.
    static func connect(user: Bool) throws(CgroupError) -> SystemdManager {
        let places = places(user: user, environment(), uid: Syscall.effectiveUserID)
        var failure: CgroupError?
        var found: DBusConnection?
        var isBus = false
        for place in places where found == nil {
            do throws(CgroupError) {
                found = try DBusConnection.connect(place.path)
                isBus = place.isBus
            } catch {
                // Where nothing can be reached, the last place is the one that users know.
                failure = error
            }
        }
        guard let connection = found.take() else {
            throw CgroupError(.bus("unreachable"), "connect to systemd: \(failure.map { "\($0)" } ?? "no address")")
        }
        var manager = SystemdManager(connection, destination: isBus ? "org.freedesktop.systemd1" : nil)
        if isBus { try manager.join() }
        return manager
    }

    private init(_ connection: consuming DBusConnection, destination: String?) {
        self.connection = connection
        self.destination = destination
    }

    /// A socket at which the manager may be reached.
    struct Place: Hashable {
        var path: String
        var isBus: Bool
    }

    /// The places in the order in which they are tried.
    static func places(user: Bool, _ environment: [String: String], uid: UInt32) -> [Place] {
        func bus(_ variable: String) -> [Place] {
            // Addresses of other kinds, TCP for one, never lead to this machine's systemd.
            guard let address = environment[variable], address.hasPrefix("unix:path=") else { return [] }
            let path = address.dropFirst("unix:path=".count).prefix { $0 != "," && $0 != ";" }
            return [Place(path: String(path), isBus: true)]
        }
        guard user else {
            return bus("DBUS_SYSTEM_BUS_ADDRESS")
                + [
                    Place(path: "/run/systemd/private", isBus: false),
                    Place(path: "/run/dbus/system_bus_socket", isBus: true),
                ]
        }
        let folder = environment["XDG_RUNTIME_DIR"] ?? "/run/user/\(uid)"
        return bus("DBUS_SESSION_BUS_ADDRESS")
            + [Place(path: "\(folder)/systemd/private", isBus: false), Place(path: "\(folder)/bus", isBus: true)]
    }

    private static func environment() -> [String: String] {
        let bytes = (try? Syscall.readFile("/proc/self/environ")) ?? []
        var environment: [String: String] = [:]
        for entry in bytes.split(separator: 0) {
            let parts = entry.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 {
                environment[String(decoding: parts[0], as: UTF8.self)] = String(decoding: parts[1], as: UTF8.self)
            }
        }
        return environment
    }

    /// A bus wants to be greeted, and told which signals are wanted. A peer sends them all.
    private mutating func join() throws(CgroupError) {
        let bus = "org.freedesktop.DBus"
        _ = try connection.call(
            DBusMessage(call: "Hello", of: bus, at: "/org/freedesktop/DBus", to: bus, []))
        let rule = "type='signal',sender='org.freedesktop.systemd1',interface='\(Self.interface)',member='JobRemoved'"
        _ = try connection.call(
            DBusMessage(call: "AddMatch", of: bus, at: "/org/freedesktop/DBus", to: bus, [.string(rule)]))
    }

    /// Calls a method of which the first argument is a unit's name.
    private mutating func call(
        _ method: String, _ operation: String, _ unit: String, _ arguments: [DBusValue]
    ) throws(CgroupError) -> [DBusValue] {
        do throws(CgroupError) {
            return try connection.call(
                DBusMessage(
                    call: method, of: Self.interface, at: Self.path, to: destination, [.string(unit)] + arguments))
        } catch {
            throw CgroupError(error.code, "\(operation) systemd unit \"\(unit)\": \(error)")
        }
    }

    /// Makes a unit that lives as long as its processes, and waits until it is there.
    mutating func startTransientUnit(_ unit: String, _ properties: [UnitProperty]) throws(CgroupError) {
        // No auxiliary units.
        let job = try call(
            "StartTransientUnit", "start", unit,
            [.string("replace"), Self.value(properties), .array(of: "(sa(sv))", [])])
        try wait(for: job, "start", unit)
    }

    /// Changes properties until the next boot.
    mutating func setProperties(_ unit: String, _ properties: [UnitProperty]) throws(CgroupError) {
        _ = try call("SetUnitProperties", "set properties of", unit, [.boolean(true), Self.value(properties)])
    }

    /// Ends the unit and its processes; one that is gone already is right.
    mutating func stop(_ unit: String) throws(CgroupError) {
        do throws(CgroupError) {
            try wait(for: call("StopUnit", "stop", unit, [.string("replace")]), "stop", unit)
        } catch  where error.code == .bus("org.freedesktop.systemd1.NoSuchUnit") {}
    }

    /// Forgets that the unit has failed, without which its name cannot be used again.
    mutating func resetFailed(_ unit: String) throws(CgroupError) {
        do throws(CgroupError) {
            _ = try call("ResetFailedUnit", "reset", unit, [])
        } catch  where error.code == .bus("org.freedesktop.systemd1.NoSuchUnit") {}
    }

    /// systemd's version, 0 when it cannot be told.
    mutating func version() throws(CgroupError) -> Int {
        let text = try property("Version")
        // `252.39-1~deb12u2`, or `v244`
        return Int(text.drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0
    }

    /// The cgroup below which the manager makes its own, `/` for the system's.
    mutating func controlGroup() throws(CgroupError) -> String { try property("ControlGroup") }

    private mutating func property(_ name: String) throws(CgroupError) -> String {
        let answer = try connection.call(
            DBusMessage(
                call: "Get", of: "org.freedesktop.DBus.Properties", at: Self.path, to: destination,
                [.string(Self.interface), .string(name)]))
        guard case .variant(let value)? = answer.first, let text = value.text else { return "" }
        return text
    }

    /// The signal JobRemoved(u id, o job, s unit, s result) tells how the job has ended.
    private mutating func wait(
        for answer: [DBusValue], _ operation: String, _ unit: String
    ) throws(CgroupError) {
        guard let job = answer.first else { return }
        let signal = try connection.waitForSignal("JobRemoved") { $0.body.count == 4 && $0.body[1] == job }
        guard signal.body[3] == .string("done") else {
            let result = signal.body[3].text ?? "unknown"
            throw CgroupError(.bus("job"), "\(operation) systemd unit \"\(unit)\": got \"\(result)\"")
        }
    }

    private static func value(_ properties: [UnitProperty]) -> DBusValue {
        .array(of: "(sv)", properties.map { .structure([.string($0.name), .variant($0.value)]) })
    }
}

/// A property of a unit: `MemoryMax`, a 64-bit number. See systemd.resource-control(5).
package struct UnitProperty: Hashable, Sendable {
    package var name: String
    package var value: DBusValue

    /// Both by position.
    package init(_ name: String, _ value: DBusValue) {
        self.name = name
        self.value = value
    }
}

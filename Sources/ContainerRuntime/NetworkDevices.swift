// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

/// Moves network interfaces into the container's network namespace, and back when the container does not come to be.
///
/// The kernel moves an interface with its MTU and link address and takes its addresses away: those that were given for
/// good and are global are given again. See "Network Devices" in config-linux.md of the runtime specification.
struct NetworkDevices: Sendable {
    private struct Moved: Sendable {
        var plan: NetworkDevicePlan
        var before: NetworkInterface
        var addresses: [InterfaceAddress]
    }

    /// One side of a move.
    private struct Side: Sendable {
        var namespace: SharedFD
        var socket: NetlinkSocket
    }

    private let host: Side
    private let container: Side
    private var moved: [Moved] = []

    /// Into the network namespace of a process, which nothing else changes meanwhile.
    init(to pid: Int32) throws {
        let own = try JoinedNamespace(.network, "/proc/self/ns/net")
        let target = try JoinedNamespace(.network, "/proc/\(pid)/ns/net")
        guard !target.isOwn else {
            throw RuntimeError("unable to move network devices into the host network namespace")
        }
        host = Side(namespace: own.file, socket: try Self.openSocket())
        // A socket belongs to the namespace it was made in; the runtime has one thread, which comes back at once.
        try target.join()
        let socket = Result { try Self.openSocket() }
        try own.join()
        container = Side(namespace: target.file, socket: try socket.get())
    }

    private static func openSocket() throws -> NetlinkSocket {
        try SystemError.attempt("open", "netlink socket") { () throws(Errno) in try NetlinkSocket() }
    }

    /// Moves them all, or none.
    mutating func move(_ plans: [NetworkDevicePlan]) throws {
        do {
            for plan in plans { try move(plan) }
        } catch {
            moveBack()
            throw error
        }
    }

    /// Gives the interfaces back to the host as they were.
    mutating func moveBack() {
        for device in moved.reversed() {
            // One that the container's hooks have taken away or renamed is not ours to find.
            guard let now = try? container.socket.interface(named: device.plan.name) else { continue }
            try? Self.transfer(
                now.index, from: container, to: host, as: device.plan.hostName, device.addresses,
                up: device.before.isUp)
        }
        moved = []
    }

    private mutating func move(_ plan: NetworkDevicePlan) throws {
        let device = try SystemError.attempt("find network device", plan.hostName) { () throws(Errno) in
            try host.socket.interface(named: plan.hostName)
        }
        try SystemError.attempt("move network device", "\(plan.hostName)\" to \"\(plan.name)") { () throws(Errno) in
            let addresses = try host.socket.addresses(of: device.index).filter(\.isPermanentAndGlobal)
            do throws(Errno) {
                try Self.transfer(device.index, from: host, to: container, as: plan.name, addresses, up: true)
            } catch {
                // Where it is still the host's it shall be as it was; where it arrived it is moved back.
                if (try? host.socket.interface(named: plan.hostName))?.index == device.index {
                    if device.isUp { try? host.socket.setUp(true, interface: device.index) }
                } else {
                    moved.append(Moved(plan: plan, before: device, addresses: addresses))
                }
                throw error
            }
            moved.append(Moved(plan: plan, before: device, addresses: addresses))
        }
    }

    /// An interface that is down has no part in the traffic of its old namespace while it moves.
    private static func transfer(
        _ index: Int32, from source: Side, to target: Side, as name: String, _ addresses: [InterfaceAddress], up: Bool
    ) throws(Errno) {
        // Asked first: the kernel moves an interface that it then cannot rename, and says no more than that.
        if try target.socket.hasInterface(named: name) { throw .EEXIST }
        try source.socket.setUp(false, interface: index)
        try source.socket.move(interface: index, to: target.namespace.rawValue, as: name)
        // The number may be another's in the new namespace.
        let arrived = try target.socket.interface(named: name)
        for address in addresses { try target.socket.add(address, to: arrived.index) }
        if up { try target.socket.setUp(true, interface: arrived.index) }
    }
}

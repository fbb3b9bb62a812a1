// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIRuntimeSpec

/// The five capability sets of a process. See capabilities(7).
///
/// They are set around the change of user, in this order: `dropBounding` while CAP_SETPCAP is there,
/// `Syscall.keepCapabilities(true)`, the change of groups and user, `apply`. The flag of keepCapabilities goes away with
/// execve.
package struct CapabilitySets: Hashable, Sendable {
    package var bounding: CapabilitySet
    package var effective: CapabilitySet
    package var inheritable: CapabilitySet
    package var permitted: CapabilitySet
    package var ambient: CapabilitySet

    /// The sets of a configuration; absent ones are empty. Throws for an unknown name.
    ///
    /// The kernel refuses ambient capabilities that are not permitted and inheritable. As in runc, they are left out.
    package init(_ spec: LinuxCapabilities) throws(ConfinementError) {
        bounding = try CapabilitySet(names: spec.bounding ?? [])
        effective = try CapabilitySet(names: spec.effective ?? [])
        inheritable = try CapabilitySet(names: spec.inheritable ?? [])
        permitted = try CapabilitySet(names: spec.permitted ?? [])
        ambient = try CapabilitySet(names: spec.ambient ?? []).intersection(permitted).intersection(inheritable)
    }

    /// No capability at all.
    package init() {
        (bounding, effective, inheritable, permitted, ambient) = ([], [], [], [], [])
    }

    /// PR_CAPBSET_READ and its relatives of prctl(2).
    private enum Option {
        static let readBounding: Int32 = 23
        static let dropBounding: Int32 = 24
        static let ambient: Int32 = 47
        static let raiseAmbient: UInt64 = 2
        static let clearAmbient: UInt64 = 4
    }

    /// Takes every capability that is not in the bounding set away for good. Needs CAP_SETPCAP. Throws also when the
    /// kernel does not know a capability that one of the sets asks for: capset(2) would pass over it in silence.
    package func dropBounding() throws(ConfinementError) {
        let wanted = bounding.union(effective).union(inheritable).union(permitted)
        for number in 0..<64 {
            do throws(Errno) {
                if bounding.contains(CapabilitySet(rawValue: 1 << UInt64(number))) {
                    try Syscall.control(Option.readBounding, UInt64(number))
                } else {
                    try Self.drop(UInt64(number))
                }
            } catch .EINVAL {
                // The first number that this kernel does not have.
                guard let highest = wanted.highest, highest >= number else { return }
                throw ConfinementError("capability \"\(CapabilitySet.name(highest))\": not known to this kernel")
            } catch {
                throw ConfinementError("drop capability", CapabilitySet.name(number), error)
            }
        }
    }

    private static func drop(_ number: UInt64) throws(Errno) {
        do throws(Errno) {
            try Syscall.control(Option.dropBounding, number)
        } catch .EPERM {
            // Without CAP_SETPCAP it is right when there is nothing to drop.
            guard try Syscall.control(Option.readBounding, number) == 0 else { throw .EPERM }
        }
    }

    /// Sets the other four sets of the calling thread.
    package func apply() throws(ConfinementError) {
        // Capabilities outside the caller's permitted set are EPERM, and the kernel does not tell which.
        try ConfinementError.attempt("set capabilities", names) { () throws(Errno) in
            try Syscall.setCapabilities(
                effective: effective.rawValue, permitted: permitted.rawValue, inheritable: inheritable.rawValue)
        }
        try ConfinementError.attempt("set ambient capabilities", "") { () throws(Errno) in
            try Syscall.control(Option.ambient, Option.clearAmbient)
        }
        for (number, name) in CapabilitySet.allNames.enumerated()
        where ambient.contains(CapabilitySet(rawValue: 1 << UInt64(number))) {
            try ConfinementError.attempt("raise ambient capability", name) { () throws(Errno) in
                try Syscall.control(Option.ambient, Option.raiseAmbient, UInt64(number))
            }
        }
    }

    private var names: String { permitted.union(effective).union(inheritable).names.joined(separator: ",") }
}

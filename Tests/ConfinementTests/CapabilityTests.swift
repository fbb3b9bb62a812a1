// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import Confinement

@Suite struct CapabilityTests {
    @Test(arguments: [
        ("CAP_CHOWN", 0), ("CAP_KILL", 5), ("CAP_NET_RAW", 13), ("CAP_SYS_ADMIN", 21), ("CAP_MKNOD", 27),
        ("CAP_SETFCAP", 31), ("CAP_MAC_OVERRIDE", 32), ("CAP_BPF", 39), ("CAP_CHECKPOINT_RESTORE", 40),
    ])
    func `names have the kernel's numbers`(_ name: String, _ number: UInt64) throws {
        let set = try CapabilitySet(names: [name])
        #expect(set.rawValue == 1 << number)
        #expect(set.names == [name])
    }

    @Test func `every name is there once`() throws {
        #expect(CapabilitySet.allNames.count == 41)
        #expect(try CapabilitySet(names: CapabilitySet.allNames).names == CapabilitySet.allNames)
        #expect(try CapabilitySet(names: CapabilitySet.allNames).rawValue == 1 << 41 - 1)
    }

    @Test(arguments: ["CHOWN", "cap_chown", "CAP_", "", "CAP_FLY"])
    func `an unknown name is refused`(_ name: String) {
        #expect(throws: ConfinementError("unknown capability \"\(name)\"")) { try CapabilitySet(names: [name]) }
    }

    @Test func `sets of a configuration`() throws {
        let sets = try CapabilitySets(
            .init(
                bounding: ["CAP_CHOWN", "CAP_KILL"], effective: ["CAP_CHOWN"], inheritable: ["CAP_KILL"],
                permitted: ["CAP_CHOWN", "CAP_KILL"], ambient: ["CAP_KILL", "CAP_CHOWN", "CAP_BPF"]))
        #expect(sets.bounding.names == ["CAP_CHOWN", "CAP_KILL"])
        #expect(sets.effective.names == ["CAP_CHOWN"])
        #expect(sets.inheritable.names == ["CAP_KILL"])
        #expect(sets.permitted.names == ["CAP_CHOWN", "CAP_KILL"])
        // What is not permitted and inheritable cannot be ambient.
        #expect(sets.ambient.names == ["CAP_KILL"])
        #expect(try CapabilitySets(.init()) == CapabilitySets())
    }
}

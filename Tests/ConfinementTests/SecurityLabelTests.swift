// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import Confinement

@Suite struct SecurityLabelTests {
    private let none = SecurityLabel.Host(appArmor: false, seLinux: false)
    private let both = SecurityLabel.Host(appArmor: true, seLinux: true)

    @Test func `labels without their module are refused`() {
        #expect(throws: ConfinementError("apparmor: config provided but apparmor not supported")) {
            try SecurityLabel.labels(Process(cwd: "/", apparmorProfile: "x"), host: none)
        }
        let selinux = ConfinementError(
            "selinux label is specified in config, but selinux is disabled or not supported")
        #expect(throws: selinux) { try SecurityLabel.labels(Process(cwd: "/", selinuxLabel: "x"), host: none) }
        #expect(throws: selinux) { try SecurityLabel.checkMountLabel("x", host: none) }
    }

    @Test func `empty labels ask for nothing`() throws {
        #expect(
            try SecurityLabel.labels(Process(cwd: "/", apparmorProfile: "", selinuxLabel: ""), host: none).isEmpty)
        try SecurityLabel.checkMountLabel("", host: none)
        try SecurityLabel.checkMountLabel(nil, host: none)
    }

    @Test func `labels of present modules`() throws {
        let labels = try SecurityLabel.labels(Process(cwd: "/", apparmorProfile: "a", selinuxLabel: "b"), host: both)
        #expect(labels.map(\.text) == ["a", "b"])
        #expect(labels.map(\.module) == [.appArmor, .seLinux])
    }
}

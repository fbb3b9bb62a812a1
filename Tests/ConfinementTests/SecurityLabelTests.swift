// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import TestSupport
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

    /// A directory plays /proc.
    @Test func `labels are written where their module reads them`() throws {
        let proc = try TemporaryDirectory()
        let attributes = "\(proc.path)/thread-self/attr"
        try Syscall.makeDirectories("\(attributes)/apparmor")
        for file in ["exec", "keycreate"] { try AtomicFile.write("\(attributes)/\(file)", "") }
        let directory = try Syscall.open(proc.path, [.path, .directory])
        let labels = try SecurityLabel.labels(Process(cwd: "/", apparmorProfile: "a", selinuxLabel: "b"), host: both)
        try labels[0].apply(proc: directory.rawValue)
        #expect(try Syscall.readText("\(attributes)/exec") == "exec a", "without a folder of its own")
        try AtomicFile.write("\(attributes)/apparmor/exec", "")
        for label in labels {
            try label.applyToKeys(proc: directory.rawValue)
            try AtomicFile.write("\(attributes)/exec", "")
            try label.apply(proc: directory.rawValue)
        }
        #expect(try Syscall.readText("\(attributes)/apparmor/exec") == "exec a")
        #expect(try Syscall.readText("\(attributes)/exec") == "b")
        #expect(try Syscall.readText("\(attributes)/keycreate") == "b")
    }
}

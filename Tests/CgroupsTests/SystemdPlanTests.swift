// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import Cgroups

struct SystemdPlanTests {
    @Test(arguments: [
        ("a-b.slice:libpod:c", "/a.slice/a-b.slice/libpod-c.scope"), ("-.slice::c", "/c.scope"),
        ("system.slice::c.scope", "/system.slice/c.scope"), ("::c", "/system.slice/c.scope"),
        (":crio:c", "/system.slice/crio-c.scope"), ("", "/system.slice/skiffrun-id.scope"),
        ("a-b-c.slice:p:n", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope"),
    ])
    func `a path names slice and scope`(_ cgroupsPath: String, _ expected: String) throws {
        let scope = try SystemdScope(cgroupsPath: cgroupsPath, id: "id", isUser: false)
        #expect(try scope.path() == expected)
        let layout = CgroupLayout(mode: .v2, unified: .init(controllers: [], mountPoint: "/sys/fs/cgroup"))
        let location = try layout.location(scope, belowManager: "/user.slice")
        #expect(location.unified == "/sys/fs/cgroup/user.slice\(expected)")
        #expect(location.scope == scope)
        #expect(location.driver() is SystemdCgroup)
        #expect(try location.child("x").driver() is UnifiedCgroup)
    }

    @Test func `a user's scope is in the user's slice`() throws {
        #expect(try SystemdScope(cgroupsPath: nil, id: "id", isUser: true).path() == "/user.slice/skiffrun-id.scope")
    }

    @Test(arguments: [
        "/a/b", "a:b", "a:b:c:d", "a.slice:b:", "a:b:c", "a--b.slice::c", ".slice::c", "-a.slice::c", "a/b.slice::c",
        "::a/b", "::a.slice",
    ])
    func `other paths are refused`(_ cgroupsPath: String) {
        #expect(throws: CgroupError.self) { try SystemdScope(cgroupsPath: cgroupsPath, id: "id", isUser: false) }
    }

    private static let v2 = SystemdProperties.Host(mode: .v2, version: 252)

    private static func plan(
        _ resources: LinuxResources, _ host: SystemdProperties.Host = v2
    ) throws -> [String: DBusValue] {
        let properties = try SystemdProperties.of(resources, host)
        return Dictionary(properties.map { ($0.name, $0.value) }) { $1 }
    }

    @Test func `limits are properties`() throws {
        let resources = LinuxResources(
            memory: LinuxMemory(limit: 1000, reservation: 500, swap: 3000),
            cpu: LinuxCPU(shares: 1024, quota: 12_345, period: 50_000, cpus: "0-2,9", mems: "0"),
            pids: LinuxPids(limit: 0), blockIO: LinuxBlockIO(weight: 10))
        let expected: [String: DBusValue] = [
            "MemoryMax": .uint64(1000), "MemoryLow": .uint64(500), "MemorySwapMax": .uint64(2000),
            "CPUWeight": .uint64(100), "CPUQuotaPeriodUSec": .uint64(50_000),
            // 246 900 microseconds a second, in steps of 10 000.
            "CPUQuotaPerSecUSec": .uint64(250_000), "AllowedCPUs": .bytes([7, 2]), "AllowedMemoryNodes": .bytes([1]),
            "TasksMax": .uint64(1), "IOWeight": .uint64(1),
        ]
        #expect(try Self.plan(resources) == expected)
        let v1: [String: DBusValue] = [
            "MemoryLimit": .uint64(1000), "CPUShares": .uint64(1024), "CPUQuotaPeriodUSec": .uint64(50_000),
            "CPUQuotaPerSecUSec": .uint64(250_000), "TasksMax": .uint64(1), "BlockIOWeight": .uint64(10),
        ]
        #expect(try Self.plan(resources, .init(mode: .hybrid, version: 252)) == v1)
        // What an older systemd does not know is left to the files.
        let old = try Self.plan(resources, .init(mode: .v2, version: 241))
        #expect(old["CPUQuotaPeriodUSec"] == nil && old["AllowedCPUs"] == nil)
    }

    @Test func `unlimited is the largest number, and nothing is nothing`() throws {
        let resources = LinuxResources(
            memory: LinuxMemory(limit: -1), cpu: LinuxCPU(quota: -1), pids: LinuxPids(limit: -1))
        let all: [String: DBusValue] = [
            "MemoryMax": .uint64(.max), "MemorySwapMax": .uint64(.max), "CPUQuotaPerSecUSec": .uint64(.max),
            "TasksMax": .uint64(.max),
        ]
        #expect(try Self.plan(resources) == all)
        #expect(try Self.plan(LinuxResources(memory: LinuxMemory(limit: 0), cpu: LinuxCPU(shares: 0))).isEmpty)
        #expect(try Self.plan(LinuxResources(cpu: LinuxCPU(shares: 5, idle: 1))) == ["CPUWeight": .uint64(0)])
    }

    @Test func `files of v2 have properties`() throws {
        let files = [
            "memory.max": "max", "memory.high": "5\n", "cpu.max": "max", "cpu.weight": "7", "pids.max": "9",
            "cpuset.cpus": "8", "memory.oom.group": "1", "hugetlb.2MB.max": "0",
        ]
        let expected: [String: DBusValue] = [
            "MemoryMax": .uint64(.max), "MemoryHigh": .uint64(5), "CPUQuotaPerSecUSec": .uint64(.max),
            "CPUQuotaPeriodUSec": .uint64(100_000), "CPUWeight": .uint64(7), "TasksMax": .uint64(9),
            "AllowedCPUs": .bytes([0, 1]),
        ]
        #expect(try Self.plan(LinuxResources(unified: files)) == expected)
        for (file, value) in [("memory.max", "x"), ("cpu.max", "1 2 3"), ("cpuset.cpus", "3-1"), ("cpu.weight", "")] {
            #expect(throws: CgroupError.self) { try Self.plan(LinuxResources(unified: [file: value])) }
        }
    }

    @Test func `devices are named by node or driver`() throws {
        let rules = [
            LinuxDeviceCgroup(allow: false), LinuxDeviceCgroup(allow: true, type: "c", access: "m"),
            LinuxDeviceCgroup(allow: true, type: "c", major: 136, access: "rw"),
            LinuxDeviceCgroup(allow: true, type: "c", major: 1, minor: 3),
            LinuxDeviceCgroup(allow: true, type: "b", major: 77),
        ]
        let devices = "Character devices:\n  1 mem\n136 pts\n\nBlock devices:\n  8 sd\n"
        let host = SystemdProperties.Host(mode: .v2, version: 252, devices: devices)
        let properties = try SystemdProperties.of(LinuxResources(devices: rules), host)
        func entry(_ name: String, _ access: String) -> DBusValue { .structure([.string(name), .string(access)]) }
        #expect(
            properties == [
                UnitProperty("DevicePolicy", .string("strict")), UnitProperty("DeviceAllow", .array(of: "(ss)", [])),
                UnitProperty(
                    "DeviceAllow",
                    .array(
                        of: "(ss)",
                        [entry("char-*", "m"), entry("char-pts", "rw"), entry("/dev/char/1:3", "rwm")])),
            ])
        let open = [LinuxDeviceCgroup(allow: true), LinuxDeviceCgroup(allow: false, type: "c", major: 1, minor: 3)]
        let auto = try SystemdProperties.of(LinuxResources(devices: open), host)
        #expect(auto.map(\.value) == [.string("auto"), .array(of: "(ss)", [])])
    }

    @Test func `annotations are properties`() throws {
        let properties = try SystemdProperties.of(annotations: [
            "org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.CollectMode": "'inactive'",
            "org.systemd.property.RuntimeMaxSec": "1.5", "other": "x", "org.systemd.property.KillUSec": "@t 3",
        ])
        #expect(
            properties == [
                UnitProperty("CollectMode", .string("inactive")), UnitProperty("KillUSec", .uint64(3)),
                UnitProperty("RuntimeMaxUSec", .uint64(1_500_000)), UnitProperty("TimeoutStopUSec", .uint64(7_000_000)),
            ])
        for (name, value) in [("ab", "1"), ("lower", "1"), ("A-b", "1"), ("Abc", "x"), ("AbcSec", "'x'"), ("Abc", "")] {
            #expect(throws: CgroupError.self) {
                try SystemdProperties.of(annotations: ["org.systemd.property.\(name)": value])
            }
        }
    }

    static let texts: [(String, DBusValue)] = [
        ("true", .boolean(true)), ("5", .int32(5)), ("-5", .int32(-5)), ("0x10", .int32(16)), ("010", .int32(8)),
        ("1.5", .double(1.5)), ("1e3", .double(1000)), ("uint64 18446744073709551615", .uint64(.max)),
        ("byte 0xff", .byte(255)), ("'a\\'b'", .string("a'b")), ("\"a\\u00e4\\n\"", .string("aä\n")),
        ("objectpath '/a'", .objectPath("/a")), ("signature 'as'", .signature("as")), ("b'ab'", .bytes([97, 98, 0])),
        (" [ 'a' , 'b' ] ", .strings(["a", "b"])), ("@as []", .strings([])),
        ("[uint64 1, 2]", .array(of: "t", [.uint64(1), .uint64(2)])),
        ("@ay [1, 2]", .bytes([1, 2])), ("('a', uint32 1)", .structure([.string("a"), .uint32(1)])),
        ("(1,)", .structure([.int32(1)])), ("<'x'>", .variant(.string("x"))),
        ("{'a': <1>}", .array(of: "{sv}", [.entry(.string("a"), .variant(.int32(1)))])),
        ("@a{sv} {}", .array(of: "{sv}", [])), ("@(st) ('a', 1)", .structure([.string("a"), .uint64(1)])),
        ("[('/dev/null', 'rw')]", .array(of: "(ss)", [.structure([.string("/dev/null"), .string("rw")])])),
    ]

    @Test(arguments: texts)
    func `values are written as GLib writes them`(_ text: String, _ value: DBusValue) throws {
        #expect(try GVariantText.parse(text) == value)
    }

    @Test(arguments: [
        "", "x", "[", "[]", "{}", "()", "'a", "'a' 'b'", "byte 256", "5x", "[1, 'a']", "uint64 -1", "@z 1", "@ss 'a'",
        "uint32 'a'", "'\\u12'", "<1", "{1: }", "uint64 true", "1.5.5", "@(st) ('a',)", "uint64",
        String(repeating: "[", count: 100), "'a\\u0000'",
    ])
    func `other texts are no values`(_ text: String) {
        #expect(throws: GVariantText.Malformed.self) { try GVariantText.parse(text) }
    }

    @Test func `the manager's own socket is tried before the bus`() {
        let places = SystemdManager.places(user: false, [:], uid: 0)
        #expect(places.map(\.path) == ["/run/systemd/private", "/run/dbus/system_bus_socket"])
        let named = ["DBUS_SESSION_BUS_ADDRESS": "unix:path=/x,guid=1", "XDG_RUNTIME_DIR": "/r"]
        let user = SystemdManager.places(user: true, named, uid: 5)
        #expect(user.map(\.path) == ["/x", "/r/systemd/private", "/r/bus"])
        #expect(user.map(\.isBus) == [true, false, true])
        #expect(
            SystemdManager.places(user: true, ["DBUS_SESSION_BUS_ADDRESS": "tcp:host=a"], uid: 5).map(\.path) == [
                "/run/user/5/systemd/private", "/run/user/5/bus",
            ])
    }
}

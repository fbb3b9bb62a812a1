// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import Linux
import OCIRuntimeSpec
import TestSupport
import Testing

@testable import CRIService

struct PodFilesTests {
    @Test(arguments: [
        ([], "box", ""), (["10.0.0.2"], "box", "10.0.0.2\tbox\n"), (["10.0.0.2"], "", ""),
        (["10.0.0.2", "fd00::2"], "box", "10.0.0.2\tbox\nfd00::2\tbox\n"),
    ])
    func writesHosts(ips: [String], hostname: String, rest: String) {
        #expect(
            PodFiles.hosts(ips: ips, hostname: hostname)
                == "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" + rest)
    }

    @Test func writesResolv() {
        var dns = CRI.DNSConfig()
        #expect(PodFiles.resolv(dns) == nil)
        dns.options = ["ndots:5", "edns0"]
        #expect(PodFiles.resolv(dns) == "options ndots:5 edns0\n")
        dns.servers = ["10.10.10.10", "fd00::a"]
        dns.searches = ["a.local", "b.local"]
        #expect(
            PodFiles.resolv(dns)
                == "search a.local b.local\nnameserver 10.10.10.10\nnameserver fd00::a\noptions ndots:5 edns0\n")
    }
}

struct MountSourcesTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func prepare(
        _ source: String, storage: String = "/nowhere", _ change: (inout CRI.Mount) -> Void = { _ in }
    ) throws -> PreparedMount {
        var mount = CRI.Mount()
        mount.hostPath = source
        mount.containerPath = "/c"
        change(&mount)
        return try #require(try MountSources(storage: storage).prepare([mount]).first)
    }

    @Test func followsLinksAndMakesWhatIsMissing() throws {
        let path = try MountSources.realPath(folder.path)
        try Syscall.makeDirectory("\(path)/real")
        try Syscall.makeSymlink("real", "\(path)/link")
        #expect(try prepare("\(path)/link") == PreparedMount(destination: "/c", source: "\(path)/real"))
        #expect(try prepare("\(path)/new/deep").source == "\(path)/new/deep")
        #expect(try Syscall.status("\(path)/new/deep").isDirectory)
    }

    @Test(arguments: ["", "/layers", "/a/b"]) func aMountThatHoldsOurDataLetsGoOfIt(below: String) throws {
        let path = try MountSources.realPath(folder.path)
        let slave = Runtime_V1_MountPropagation.propagationHostToContainer
        #expect(try prepare(path, storage: path + below).propagation == slave)
        #expect(try prepare(path, storage: path + "-other").propagation == .propagationPrivate)
        #expect(try prepare("/", storage: path).propagation == slave)
    }

    static let refusals: [(@Sendable (inout CRI.Mount) -> Void, ServiceError.Code, String?)] = [
        ({ $0.hostPath = "relative" }, .invalid, nil), ({ $0.hostPath = "" }, .invalid, nil),
        ({ $0.recursiveReadOnly = true }, .invalid, "RROUnsupported"),
        (
            {
                ($0.readonly, $0.recursiveReadOnly) = (true, true)
                $0.propagation = .propagationHostToContainer
            }, .invalid, "RROUnsupported"
        ), ({ $0.image.image = "busybox" }, .invalid, "ImageVolumeMountFailed"),
        ({ $0.uidMappings = [Runtime_V1_IDMapping()] }, .invalid, nil),
        ({ $0.mountOptions = ["noexec"] }, .unimplemented, nil),
    ]

    @Test(arguments: refusals.indices) func refuses(row: Int) throws {
        let (change, code, prefix) = Self.refusals[row]
        let error = #expect(throws: ServiceError.self) { try prepare(folder.path, change) }
        #expect(error?.code == code && error?.prefix == prefix)
    }

    @Test func takesRecursivelyReadOnly() throws {
        let found = try prepare(folder.path) { ($0.readonly, $0.recursiveReadOnly) = (true, true) }
        #expect(found.readonly && found.recursivelyReadonly)
    }
}

struct DeviceSourcesTests {
    private func prepare(_ host: String, _ container: String = "", _ permissions: String = "") throws
        -> [PreparedDevice]
    {
        var device = CRI.Device()
        device.hostPath = host
        device.containerPath = container
        device.permissions = permissions
        return try DeviceSources.prepare([device])
    }

    @Test func looksUpANode() throws {
        let found = try #require(try prepare("/dev/null", "/dev/other", "r").first)
        #expect(found.access == "r" && found.node.path == "/dev/other" && found.node.type == "c")
        #expect(found.node.major == 1 && found.node.minor == 3)
        #expect(try prepare("/dev/null").map(\.access) == ["rwm"])
        #expect(try prepare("/dev/null").map(\.node.path) == ["/dev/null"])
    }

    @Test(arguments: [("/dev/null", "rx"), ("/dev/no-such-device", "r"), ("/etc/passwd", "r")])
    func refuses(path: String, permissions: String) {
        #expect(throws: (any Error).self) { try prepare(path, "", permissions) }
    }
}

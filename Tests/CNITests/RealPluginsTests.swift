// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CNI
import Linux
import TestSupport
import Testing

/// A machine of its own for Debian's plugins: one network namespace plays the host, another one the pod. The plugins run
/// in the first, so that bridges, addresses, forwarding and packet filters of the real host stay as they are.
private final class Machine: Sendable {
    let folder: TemporaryDirectory
    let host: String
    let pod: String
    let runtime: CNIRuntime

    var podPath: String { "/run/netns/\(pod)" }

    init() throws {
        folder = try TemporaryDirectory()
        let number = UInt32.random(in: 0...(.max))
        host = "skiff-host-\(number)"
        pod = "skiff-pod-\(number)"
        runtime = CNIRuntime(binDirs: [folder.path + "/bin"], cacheDir: folder.path + "/cache")
        try Syscall.makeDirectories(folder.path + "/bin")
        for name in ["bridge", "host-local", "loopback", "portmap"] {
            let script = "#!/bin/sh\nexec nsenter --net=/run/netns/\(host) /usr/lib/cni/\(name)\n"
            try Executable.write("\(folder.path)/bin/\(name)", script)
        }
        for name in [host, pod] { try Self.run("ip", "netns", "add", name) }
        try run(host, "ip", "link", "set", "lo", "up")
    }

    deinit {
        // The namespaces take their interfaces and packet filters with them.
        for name in [host, pod] { _ = try? Self.run("ip", "netns", "del", name) }
    }

    /// Runs a program in a namespace and returns what it said.
    @discardableResult
    func run(_ namespace: String, _ words: String...) throws -> String {
        try Self.run(["nsenter", "--net=/run/netns/\(namespace)"] + words)
    }

    @discardableResult
    static func run(_ words: String...) throws -> String { try run(words) }

    private static func run(_ words: [String]) throws -> String {
        let path = "/usr/sbin:/usr/bin:/sbin:/bin"
        guard let program = ChildPlan.find(words[0], path: path) else { throw Failure(description: "no \(words[0])") }
        let output = try CommandOutput.run(ChildPlan(program, words, environment: ["PATH=\(path)"]))
        guard output.status.isSuccess else { throw Failure(description: "\(words): \(output.errorText)") }
        return output.outputText
    }

    struct Failure: Error, CustomStringConvertible { var description: String }

    func leases() throws -> [String] {
        try Syscall.entries(folder.path + "/leases/skifftest").filter { $0.first?.isNumber == true }
    }

    func network(version: String, portmap: Bool = true) throws -> NetworkList {
        let last = portmap ? #", { "type": "portmap", "capabilities": { "portMappings": true } }"# : ""
        let text = """
            { "cniVersion": "\(version)", "name": "skifftest", "plugins": [
              { "type": "loopback" },
              { "type": "bridge", "bridge": "skt0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
                "ipam": { "type": "host-local", "dataDir": "\(folder.path)/leases",
                          "ranges": [[ { "subnet": "10.213.7.0/24" } ]], "routes": [ { "dst": "0.0.0.0/0" } ] } }\(last) ] }
            """
        return try NetworkList(parsing: text.utf8, file: "skifftest.conflist")
    }
}

@Suite(.requiresRoot) struct RealPluginsTests {
    private func attachment(_ machine: Machine) -> NetworkAttachment {
        let mapping: JSONValue = [
            "hostPort": .integer(8080), "containerPort": .integer(80), "protocol": "tcp", "hostIP": "",
        ]
        return NetworkAttachment(
            containerID: "skiff-test", namespace: machine.podPath, arguments: [("IgnoreUnknown", "1")],
            capabilityArguments: ["portMappings": .array([mapping])])
    }

    @Test(arguments: ["0.3.1", "0.4.0", "1.0.0"])
    func aPodIsServedOnItsAddressAndItsPort(_ version: String) async throws {
        let machine = try Machine()
        let attachment = attachment(machine)
        let result = try await machine.runtime.add(machine.network(version: version), attachment)
        let ip = try #require(result.containerIPs.first)
        #expect(result.containerIPs == ["10.213.7.2"])
        #expect(try machine.leases() == ["10.213.7.2"])
        #expect(try machine.run(machine.pod, "ip", "-o", "address", "show", "eth0").contains("10.213.7.2/24"))
        #expect(try machine.run(machine.pod, "ip", "-o", "link", "show", "lo").contains("UP"))

        try Syscall.makeDirectories(machine.folder.path + "/www")
        try AtomicFile.write(machine.folder.path + "/www/index.html", "served\n")
        let server = try ChildProcess(
            ChildPlan(
                "/usr/bin/nsenter",
                ["nsenter", "--net=\(machine.podPath)", "busybox", "httpd", "-f", "-p", "80", "-h"]
                    + [machine.folder.path + "/www"], environment: ["PATH=/usr/bin:/bin"]))
        defer {
            try? server.pidfd.send(.kill)
            _ = try? server.wait()
        }
        try eventually("the server answers") {
            (try? machine.run(machine.host, "busybox", "wget", "-qO-", "http://\(ip)/")) == "served\n"
        }
        let gateway = "http://10.213.7.1:8080/"
        #expect(try machine.run(machine.host, "busybox", "wget", "-qO-", gateway) == "served\n")

        try await machine.runtime.delete(attachment)
        #expect(try machine.leases() == [])
        #expect(try !machine.run(machine.host, "ip", "-o", "link").contains("veth"))
        #expect(try !machine.run(machine.pod, "ip", "-o", "link").contains("eth0"))
        #expect(try !machine.run(machine.host, "iptables", "-t", "nat", "-S").contains("skiff-test"))
        #expect(try machine.runtime.attachments() == [])
    }

    // Without portmap: that of Debian 12 looks for a chain of IPv6 where there is none.
    @Test(arguments: ["0.4.0", "1.0.0"])
    func checkSeesThatAnAddressIsGone(_ version: String) async throws {
        let machine = try Machine()
        let attachment = attachment(machine)
        _ = try await machine.runtime.add(machine.network(version: version, portmap: false), attachment)
        try await machine.runtime.check(attachment)
        try machine.run(machine.pod, "ip", "address", "flush", "dev", "eth0")
        let error = await #expect(throws: CNIError.self) { try await machine.runtime.check(attachment) }
        #expect(error?.description.hasPrefix("CNI CHECK \"skifftest\": plugin \"bridge\": ") == true)
        try await machine.runtime.delete(attachment)
        #expect(try machine.leases() == [])
    }

    @Test func delWorksWithoutTheNamespaceAndAgain() async throws {
        let machine = try Machine()
        var attachment = attachment(machine)
        let network = try machine.network(version: "1.0.0")
        _ = try await machine.runtime.add(network, attachment)
        try Machine.run("ip", "netns", "del", machine.pod)
        #expect(!Syscall.exists(machine.podPath))
        try await machine.runtime.delete(attachment)
        #expect(try machine.leases() == [])
        // Without any record the configuration alone is enough.
        attachment.namespace = ""
        try await machine.runtime.delete(attachment, from: network)
    }

    @Test func aPluginsOwnWordsAreTheCause() async throws {
        let machine = try Machine()
        var attachment = attachment(machine)
        attachment.namespace = machine.folder.path + "/nothing"
        let network = try machine.network(version: "1.0.0")
        let error = await #expect(throws: CNIError.self) { try await machine.runtime.add(network, attachment) }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("CNI ADD \"skifftest\": plugin \"loopback\": "), "\(text)")
        #expect(text.contains("no such file or directory"), "\(text)")
        #expect(error?.undo == nil)
        #expect(try machine.runtime.attachments() == [])
    }

    @Test func versionsAreTold() async throws {
        let machine = try Machine()
        #expect(try await machine.runtime.versions(of: "bridge").contains("1.0.0"))
    }
}

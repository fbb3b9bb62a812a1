// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import CRIService

/// What a container becomes that goes on from a checkpoint, and what it cannot become.
struct RestoredSpecTests {
    private static func spec(
        _ word: String, binds: [String] = ["/etc/hosts"], terminal: Bool? = nil,
        namespaces: [LinuxNamespace] = [.init(type: .pid), .init(type: .network, path: "/net")]
    ) -> Spec {
        var spec = Spec(process: .init(terminal: terminal, args: [word], env: ["A=\(word)"], cwd: "/\(word)"))
        spec.hostname = word
        spec.mounts = binds.map { Mount(destination: $0, type: "bind", source: "/\(word)") }
        spec.mounts?.append(Mount(destination: "/\(word)", type: "tmpfs"))
        spec.linux = LinuxConfig(namespaces: namespaces)
        return spec
    }

    @Test func theProgramIsTheCheckpointsAndAllElseTheRequests() throws {
        let wanted = Self.spec("new", terminal: false)
        let built = try RestoredSpec(former: Self.spec("old"), wanted: wanted).build()
        var expected = wanted
        expected.process?.args = ["old"]
        expected.process?.env = ["A=old"]
        expected.process?.cwd = "/old"
        #expect(built == expected)
    }

    @Test(arguments: [
        (spec("new", binds: []), "was mounted at \"/etc/hosts\""),
        (spec("new", binds: ["/etc/hosts", "/data"]), "mounts something at \"/data\""),
        (spec("new", terminal: true), "terminal"),
        (spec("new", namespaces: [.init(type: .pid)]), "its network namespace was the pod's, and would be the node's"),
        (
            spec("new", namespaces: [.init(type: .pid, path: "/pid"), .init(type: .network, path: "/other")]),
            "its PID namespace was the container's own, and would be the pod's"
        ),
        (
            spec(
                "new",
                namespaces: [.init(type: .pid), .init(type: .network, path: "/net"), .init(type: .user, path: "/user")]),
            "user namespace"
        ),
    ])
    func whatCannotBe(_ wanted: Spec, _ words: String) throws {
        let error = try #require(throws: ServiceError.self) {
            try RestoredSpec(former: Self.spec("old"), wanted: wanted).build()
        }
        #expect(error.code == .invalid)
        #expect(error.cause.contains(words), "\(error)")
    }
}

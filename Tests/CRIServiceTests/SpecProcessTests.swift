// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import OCIImageSpec
import OCIRuntimeSpec
import Testing

@testable import CRIService

struct SpecProcessTests {
    struct Command: Sendable {
        var entrypoint: [String]?
        var cmd: [String]?
        var command: [String] = []
        var args: [String] = []
        var words: [String]
    }

    @Test(arguments: [
        Command(entrypoint: ["e"], cmd: ["c"], words: ["e", "c"]),
        Command(entrypoint: nil, cmd: ["c", "d"], words: ["c", "d"]),
        Command(entrypoint: ["e", "f"], cmd: nil, words: ["e", "f"]),
        Command(entrypoint: ["e"], cmd: ["c"], args: ["a"], words: ["e", "a"]),
        Command(entrypoint: nil, cmd: ["c"], args: ["a"], words: ["a"]),
        Command(entrypoint: ["e"], cmd: ["c"], command: ["x"], words: ["x"]),
        Command(entrypoint: ["e"], cmd: ["c"], command: ["x", "y"], args: ["a", "b"], words: ["x", "y", "a", "b"]),
        Command(entrypoint: [], cmd: ["c"], words: ["c"]),
        Command(entrypoint: ["e"], cmd: ["c"], args: [""], words: ["e", ""]),
    ])
    func choosesTheCommand(_ row: Command) throws {
        let request = SpecRequest {
            $0.image.entrypoint = row.entrypoint
            $0.image.cmd = row.cmd
            $0.container.command = row.command
            $0.container.args = row.args
        }
        #expect(try request.build().process?.args == row.words)
    }

    @Test(arguments: [nil, []] as [[String]?])
    func needsACommand(words: [String]?) {
        let request = SpecRequest {
            $0.image.entrypoint = words
            $0.image.cmd = words
        }
        #expect(
            throws: ServiceError(.invalid, "choose the command", nil, "neither the request nor the image has one")
        ) { try request.build() }
    }

    @Test(
        arguments: [
            (nil, "", "/"), ("", "", "/"), ("/image", "", "/image"), ("/image", "/request", "/request"),
            (nil, "/request", "/request"),
        ] as [(String?, String, String)])
    func choosesTheWorkingDirectory(image: String?, request: String, path: String) throws {
        let request = SpecRequest {
            $0.image.workingDir = image
            $0.container.workingDir = request
        }
        #expect(try request.build().process?.cwd == path)
    }

    @Test func refusesARelativeWorkingDirectory() {
        let request = SpecRequest { $0.container.workingDir = "tmp" }
        #expect(throws: ServiceError(.invalid, "set the working directory", "tmp", "not an absolute path")) {
            try request.build()
        }
    }

    static let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    @Test(
        arguments: [
            (nil, [], [path, "HOSTNAME=box"]),
            (["PATH=/i", "A=image"], [("B", "request")], ["PATH=/i", "A=image", "B=request", "HOSTNAME=box"]),
            (["A=image", "B=image"], [("A", "request")], ["A=request", "B=image", path, "HOSTNAME=box"]),
            (["PATH=/i"], [("PATH", "/r"), ("HOSTNAME", "own")], ["PATH=/r", "HOSTNAME=own"]),
            (["PATH=/i", "HOSTNAME=own"], [], ["PATH=/i", "HOSTNAME=own"]),
            (["PATH="], [("E", ""), ("Q", "a=b c")], ["PATH=", "E=", "Q=a=b c", "HOSTNAME=box"]),
            (["PATH=/i"], [("A", "1"), ("A", "2")], ["PATH=/i", "A=2", "HOSTNAME=box"]),
        ] as [([String]?, [(String, String)], [String])])
    func requestOverridesImage(image: [String]?, request: [(String, String)], environment: [String]) throws {
        let request = SpecRequest {
            $0.image.env = image
            $0.container.envs = request.map { Runtime_V1_KeyValue($0.0, $0.1) }
        }
        #expect(try request.build().process?.env == environment + ["container=skiff"])
    }

    @Test(
        arguments: [
            (true, [], "TERM=xterm"), (true, ["TERM=vt100"], "TERM=vt100"), (false, [], nil),
            (false, ["TERM=vt100"], "TERM=vt100"),
        ] as [(Bool, [String], String?)])
    func aTerminalHasAType(tty: Bool, image: [String], variable: String?) throws {
        let request = SpecRequest {
            $0.container.tty = tty
            $0.image.env = image
        }
        let process = try request.build().process
        #expect(process?.env?.first { $0.hasPrefix("TERM=") } == variable)
        #expect(process?.terminal == (tty ? true : nil))
    }

    @Test func withoutAHostNameThereIsNoVariable() throws {
        let request = SpecRequest { $0.surroundings.hostname = "" }
        #expect(try request.build().process?.env == [Self.path, "container=skiff"])
    }

    @Test func takesTheResolvedUser() throws {
        let request = SpecRequest { $0.user = UserDatabase.Identity(uid: 1000, gid: 100, groups: [4, 100]) }
        #expect(try request.build().process?.user == User(uid: 1000, gid: 100, additionalGids: [4, 100]))
    }

    @Test func setsAllSetsOfCapabilities() throws {
        let request = SpecRequest { $0.security.capabilities.addCapabilities = ["NET_ADMIN"] }
        let names = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN"]
        #expect(
            try request.build().process?.capabilities
                == LinuxCapabilities(
                    bounding: names, effective: names, inheritable: [], permitted: names, ambient: []))
    }

    @Test func ambientCapabilitiesAreInheritable() throws {
        let request = SpecRequest { $0.security.capabilities.addAmbientCapabilities = ["NET_ADMIN"] }
        let sets = try #require(try request.build().process?.capabilities)
        #expect(sets.ambient == ["CAP_NET_ADMIN"] && sets.inheritable == ["CAP_NET_ADMIN"])
        #expect(sets.bounding == ["CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN"])
    }

    @Test(arguments: [true, false]) func noNewPrivileges(isWanted: Bool) throws {
        let request = SpecRequest { $0.security.noNewPrivs = isWanted }
        #expect(try request.build().process?.noNewPrivileges == isWanted)
    }
}

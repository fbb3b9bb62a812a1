// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import GRPCCore
import Testing

@testable import SkiffctlCommands

@Suite struct ChoiceTests {
    @Test func ids() throws {
        let ids = ["abc1", "abc2", "abd", "ab"]
        #expect(try Identity.resolve("abc1", among: ids) == "abc1")
        #expect(try Identity.resolve("abd", among: ids) == "abd")
        #expect(try Identity.resolve("ab", among: ids) == "ab")
        #expect(throws: Identity.Failure.ambiguous(["abc1", "abc2"])) { try Identity.resolve("abc", among: ids) }
        #expect(throws: Identity.Failure.unknown) { try Identity.resolve("x", among: ids) }
        #expect(throws: Identity.Failure.unknown) { try Identity.resolve("", among: ids) }
    }

    @Test func filters() throws {
        #expect(try ListFilter.labels(["a=b=c", "d="]) == ["a": "b=c", "d": ""])
        #expect(throws: (any Error).self) { try ListFilter.labels(["a"]) }
        #expect(try ListFilter.pattern("^we.$")("web"))
        #expect(try !ListFilter.pattern("^we$")("web"))
        #expect(throws: (any Error).self) { try ListFilter.pattern("(") }
        #expect(ListFilter.newest([1, 3, 2], count: 2) { $0 } == [3, 2])
        #expect(ListFilter.newest([1, 3, 2], count: 0) { $0 } == [3, 2, 1])
    }

    @Test func errorsAreOneLine() {
        let missing = CommandError("stop container", "abc", RPCError(code: .notFound, message: "no such\ncontainer"))
        #expect(missing.description == #"stop container "abc": not found: no such container"#)
        let unknown = CommandError("run pod", "web", RPCError(code: .unknown, message: "network is down"))
        #expect(unknown.description == #"run pod "web": network is down"#)
        let twice = CommandError("stop pod", "web", RPCError(code: .unknown, message: #"stop pod "web": it hangs"#))
        #expect(twice.description == #"stop pod "web": it hangs"#)
        let late = CommandError("ask for version", nil, RPCError(code: .deadlineExceeded, message: ""))
        #expect(late.description == "ask for version: deadline exceeded")
    }

    @Test func imageRows() {
        var image = Runtime_V1_Image()
        image.repoDigests = ["localhost:5000/web@sha256:aa", "docker.io/library/web@sha256:bb"]
        #expect(ImageNames.rows(image) == [.init(repository: "localhost:5000/web", tag: "<none>", digest: "sha256:aa")])
        image.repoTags = ["docker.io/library/web:1", "localhost:5000/web:2"]
        #expect(
            ImageNames.rows(image) == [
                .init(repository: "docker.io/library/web", tag: "1", digest: "sha256:bb"),
                .init(repository: "localhost:5000/web", tag: "2", digest: "sha256:aa"),
            ])
    }

    @Test func commandOfExecIsTakenAsItIs() throws {
        let parsed = try Skiffctl.parseAsRoot(["exec", "-s", "--timeout", "3", "abc", "ls", "-la", "--", "-s"])
        let exec = try #require(parsed as? Exec)
        #expect(exec.sync && exec.timeout == 3 && exec.container == "abc")
        #expect(exec.command == ["ls", "-la", "--", "-s"])
    }

    @Test func pullMeter() {
        #expect(PullMeter.line("web", 1, 0, 2) == "/ pulling web  2s")
        #expect(PullMeter.line("web", 4, 1_230_000, 12) == "| pulling web  1.23MB  12s")
    }
}

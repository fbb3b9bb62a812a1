// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import Testing

@testable import CRIService

struct IdentifierTests {
    static let ids = ["abc1", "abc2", "abd0", "f000"]

    @Test(
        arguments: [
            ("f000", "f000"), ("f", "f000"), ("abd", "abd0"), ("abc1", "abc1"), ("x", nil), ("f0001", nil),
            ("F000", nil),
        ] as [(String, String?)])
    func findsByPrefix(text: String, id: String?) throws {
        #expect(try Identifier.match(text, in: Self.ids, kind: "pod") == id)
        #expect(try Identifier.match(text, in: Self.ids.reversed(), kind: "pod") == id)
    }

    @Test(arguments: ["a", "ab"]) func refusesAPrefixOfSeveral(text: String) {
        #expect(throws: ServiceError(.invalid, "find pod", text, "the beginning is ambiguous: several ids have it")) {
            try Identifier.match(text, in: Self.ids, kind: "pod")
        }
    }

    @Test func idsAre64HexDigits() {
        let ids = Set((0..<100).map { _ in Identifier.random() })
        #expect(ids.count == 100)
        #expect(ids.allSatisfy { $0.utf8.count == 64 && $0.allSatisfy { "0123456789abcdef".contains($0) } })
    }

    @Test func anEmptyTableFindsNothing() throws {
        let table = ObjectTable()
        #expect(try table.findPod("abc") == nil && table.findContainer("abc") == nil)
        #expect(throws: ServiceError(.notFound, "find pod", "abc", "no such pod")) { try table.pod("abc") }
        #expect(throws: ServiceError(.notFound, "find container", "abc", "no such container")) {
            try table.container("abc")
        }
        // An empty id is the beginning of every id, and a mistake.
        #expect(throws: ServiceError(.invalid, "find pod", nil, "the request has no id")) { try table.findPod("") }
        #expect(throws: ServiceError(.invalid, "find container", nil, "the request has no id")) {
            try table.findContainer("")
        }
    }

    @Test(arguments: [
        ([:], [:], true), ([:], ["a": "1"], true), (["a": "1"], ["a": "1", "b": "2"], true), (["a": "1"], [:], false),
        (["a": "1"], ["a": "2"], false), (["a": "1", "b": "2"], ["a": "1"], false), (["a": ""], [:], false),
    ])
    func labelsMatchWhenAllDo(selector: [String: String], labels: [String: String], isMatch: Bool) {
        #expect(Labels.match(selector, labels) == isMatch)
    }
}

struct ContainerLogPathTests {
    @Test(arguments: [
        ("web.log", "/request", "/pod", "/request/web.log"), ("web/0.log", "", "/pod", "/pod/web/0.log"),
        ("", "/request", "/pod", ""), ("web.log", "", "", "/other/web.log"), ("a..b", "/l", "", "/l/a..b"),
    ])
    func joinsFolderAndFile(file: String, request: String, pod: String, path: String) throws {
        #expect(try Self.path(file, request, pod) == path)
    }

    @Test(arguments: ["../x", "a/../../x", "..", "../\u{301}x"]) func staysInTheFolder(file: String) {
        #expect(
            throws: ServiceError(.invalid, "use log path", file, "it leads out of the pod's log directory")
        ) { try Self.path(file, "/l", "/l") }
    }

    private static func path(_ file: String, _ request: String, _ pod: String) throws -> String {
        var container = CRI.ContainerConfig()
        container.logPath = file
        let configs = [request, pod].map { folder in
            var config = CRI.PodConfig()
            config.logDirectory = folder
            return config
        }
        return try Pod.logPath(container, in: configs[0], or: configs[1], or: "/other")
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CNI
import Linux
import TestSupport
import Testing

@Suite struct NetworkListTests {
    @Test func aListHasItsPluginsInOrder() throws {
        let text = """
            { "cniVersion": "1.0.0", "name": "pods", "disableCheck": true,
              "plugins": [ { "type": "bridge", "mtu": 1450 },
                           { "type": "portmap", "capabilities": { "portMappings": true, "mac": false } } ] }
            """
        let list = try NetworkList(parsing: text.utf8, file: "a.conflist")
        #expect(list.name == "pods")
        #expect(list.version.text == "1.0.0")
        #expect(list.disableCheck)
        #expect(list.plugins.map(\.type) == ["bridge", "portmap"])
    }

    @Test func aSinglePluginIsAListOfOne() throws {
        let text = #"{ "cniVersion": "0.3.1", "name": "lo", "type": "loopback" }"#
        let list = try NetworkList(parsing: text.utf8, file: "lo.conf")
        #expect(list.plugins.map(\.type) == ["loopback"])
        #expect(!list.disableCheck)
    }

    @Test func theNewestVersionOfThoseOfferedIsSpoken() throws {
        let text = #"{ "cniVersion": "0.4.0", "cniVersions": ["0.3.1", "1.0.0", "9.0.0"], "name": "a", "type": "b" }"#
        #expect(try NetworkList(parsing: text.utf8, file: "a.conf").version.text == "1.0.0")
    }

    static let badTexts: [(String, String)] = [
        ("{", "malformed JSON"),
        ("[]", "not a JSON object"),
        (#"{ "cniVersion": "1.0.0", "type": "x" }"#, "\"name\" is missing"),
        (#"{ "cniVersion": "1.0.0", "name": "../x", "type": "x" }"#, "\"name\" is not valid: \"../x\""),
        (#"{ "name": "a", "type": "x" }"#, "a missing cniVersion is not supported, only \"0.3.0\""),
        (#"{ "cniVersion": "0.2.0", "name": "a", "type": "x" }"#, "cniVersion \"0.2.0\" is not supported"),
        (#"{ "cniVersion": "1.0.0", "name": "a" }"#, "network has no \"type\""),
        (#"{ "cniVersion": "1.0.0", "name": "a", "plugins": [] }"#, "\"plugins\" is not a list of plugins"),
        (#"{ "cniVersion": "1.0.0", "name": "a", "plugins": [{}] }"#, "plugin 0 has no \"type\""),
        (#"{ "cniVersion": "1.0.0", "name": "a", "plugins": [3] }"#, "plugin 0 is not a JSON object"),
        (#"{ "cniVersion": "1.0.0", "name": "a", "type": "../sh" }"#, "which is not a program's name"),
    ]

    @Test(arguments: badTexts)
    func malformedConfigurationsAreRefused(_ text: String, _ cause: String) {
        let error = #expect(throws: CNIError.self) { try NetworkList(parsing: text.utf8, file: "/etc/x.conflist") }
        #expect(error?.code == .invalidConfiguration)
        let expected = "read network configuration \"/etc/x.conflist\": "
        #expect(error?.description.hasPrefix(expected) == true)
        #expect(error?.cause.contains(cause) == true, "\(error?.cause ?? "")")
    }
}

@Suite struct NetworkFolderTests {
    private func folder(_ files: [String: String]) throws -> (TemporaryDirectory, NetworkFolder) {
        let directory = try TemporaryDirectory()
        for (name, text) in files { try AtomicFile.write("\(directory.path)/\(name)", text) }
        return (directory, NetworkFolder(reading: directory.path))
    }

    private func single(_ name: String) -> String { #"{"cniVersion":"1.0.0","name":"\#(name)","type":"t"}"# }

    @Test func theFirstValidFileInLexicalOrderIsTheDefault() throws {
        let (directory, folder) = try folder([
            "10-broken.conflist": "{", "30-b.conf": single("b"), "20-a.json": single("a"), "05-note.txt": "{",
            ".01-hidden.conf": single("hidden"),
        ])
        #expect(folder.networks.map(\.name) == ["a", "b"])
        #expect(try folder.network().name == "a")
        #expect(try folder.network(named: "b").name == "b")
        let broken = "read network configuration \"\(directory.path)/10-broken.conflist\": malformed JSON"
        #expect(folder.problems.map(\.description) == [broken])
        let error = #expect(throws: CNIError.self) { try folder.network(named: "c") }
        #expect(error?.code == .noConfiguration)
        #expect(error?.cause == "no network \"c\"; \(broken)")
    }

    @Test func anEmptyFolderHasNoNetwork() throws {
        let (directory, folder) = try folder([:])
        let error = #expect(throws: CNIError.self) { try folder.network() }
        #expect(error?.description == "read network configurations \"\(directory.path)\": no network configuration")
    }

    @Test func aMissingFolderIsNamed() throws {
        let folder = NetworkFolder(reading: "/nowhere/net.d")
        let error = #expect(throws: CNIError.self) { try folder.network() }
        #expect(error?.description == "read network configurations \"/nowhere/net.d\": no such file or directory")
    }

    @Test func theOnlyFileBeingMalformedIsTheCause() throws {
        let (_, folder) = try folder(["a.conflist": "nonsense"])
        let error = #expect(throws: CNIError.self) { try folder.network() }
        #expect(error?.code == .invalidConfiguration)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIImageSpec
import RegistryConfiguration
import TestSupport
import Testing

/// registries.conf and its drop-ins.
@Suite struct RegistriesConfTests {
    private func conf(_ text: String, _ dropIns: [String: String] = [:]) throws -> RegistriesConf {
        let folder = try TemporaryDirectory()
        try AtomicFile.write("\(folder.path)/registries.conf", text)
        try Syscall.makeDirectories("\(folder.path)/registries.conf.d")
        for (name, text) in dropIns { try AtomicFile.write("\(folder.path)/registries.conf.d/\(name)", text) }
        return try RegistriesConf(path: "\(folder.path)/registries.conf")
    }

    private func locations(_ conf: RegistriesConf, _ name: String) throws -> [String] {
        try conf.locations(of: Reference(parsing: name)).map { "\($0)\($0.isInsecure ? " insecure" : "")" }
    }

    @Test func noFileSaysNothing() throws {
        let conf = try RegistriesConf(path: "/nonexistent/registries.conf", aliasCache: "/nonexistent/aliases")
        #expect(conf == RegistriesConf())
        #expect(try locations(conf, "busybox") == ["docker.io/library/busybox"])
        #expect(try conf.references("busybox").map(\.description) == ["docker.io/library/busybox:latest"])
    }

    /// A name is a stranger's, and messages go to terminals and logs.
    @Test func messagesStayOnOneLine() {
        let error = RegistryConfigurationError(.blocked, "look up", "a\u{1B}[2J\nb", "no")
        #expect(error.description == #"look up "a\u{1B}[2J\nb": no"#)
    }

    static let rules = """
        [[registry]]
        location = "docker.io"
        [[registry.mirror]]
        location = "mirror.example:5000/hub"
        insecure = true
        [[registry.mirror]]
        location = "digests.example"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "tags.example"
        pull-from-mirror = "tag-only"

        [[registry]]
        prefix = "a.example/team"
        location = "b.example/others/team"

        [[registry]]
        prefix = "a.example/team/secret"
        location = "c.example"
        insecure = true

        [[registry]]
        prefix = "*.wild.example"
        [[registry]]
        prefix = "*.deep.wild.example"
        location = "d.example/deep"

        [[registry]]
        prefix = "digests.only"
        location = "digests.only"
        mirror-by-digest-only = true
        [[registry.mirror]]
        location = "m.example"
        """

    private static let digest = "sha256:" + String(repeating: "a", count: 64)

    @Test(arguments: [
        (
            "busybox",
            [
                "mirror.example:5000/hub/library/busybox insecure", "tags.example/library/busybox",
                "docker.io/library/busybox",
            ]
        ),
        (
            "busybox@\(digest)",
            [
                "mirror.example:5000/hub/library/busybox insecure", "digests.example/library/busybox",
                "docker.io/library/busybox",
            ]
        ),
        ("a.example/team/app", ["b.example/others/team/app"]),
        // A prefix ends where a component ends, and the longest one counts.
        ("a.example/teams/app", ["a.example/teams/app"]),
        ("a.example/team/secret/app:1", ["c.example/app insecure"]),
        ("x.wild.example/app", ["x.wild.example/app"]),
        ("x.deep.wild.example/app", ["d.example/deep/app"]),
        ("wild.example/app", ["wild.example/app"]),
        ("digests.only/x:1", ["digests.only/x"]),
        ("digests.only/x@\(digest)", ["m.example/x", "digests.only/x"]),
    ])
    func locationsInOrder(name: String, expected: [String]) throws {
        #expect(try locations(conf(Self.rules), name) == expected)
    }

    @Test func aBlockedRegistryIsNamed() throws {
        let conf = try conf("[[registry]]\nprefix = \"bad.example/x\"\nlocation = \"bad.example/x\"\nblocked = true\n")
        #expect(try locations(conf, "bad.example/y") == ["bad.example/y"])
        let error = #expect(throws: RegistryConfigurationError.self) { try locations(conf, "bad.example/x/y") }
        #expect(error?.code == .blocked)
        #expect(
            error?.description
                == "look up \"bad.example/x/y:latest\": registry \"bad.example/x\" is blocked in registries.conf")
    }

    @Test func dropInsReplaceRulesAndAddAliases() throws {
        let conf = try conf(
            """
            unqualified-search-registries = ["one.example", "two.example"]
            short-name-mode = "permissive"
            [aliases]
            web = "a.example/web"
            gone = "a.example/gone"
            [[registry]]
            location = "a.example"
            insecure = true
            """,
            [
                "10-first.conf":
                    "[[registry]]\nlocation = \"a.example\"\n[aliases]\nweb = \"b.example/web\"\ngone = \"\"\n",
                "20-second.conf": "unqualified-search-registries = [\"three.example\"]\n", "ignored.txt": "not TOML",
            ])
        #expect(try locations(conf, "a.example/x") == ["a.example/x"])
        #expect(try conf.references("web:2").map(\.description) == ["b.example/web:2"])
        #expect(try conf.references("gone").map(\.description) == ["three.example/gone:latest"])
    }

    @Test func shortNamesFollowTheMode() throws {
        func names(_ mode: String, _ name: String) throws -> [String] {
            try conf(
                """
                unqualified-search-registries = ["one.example", "two.example:5000"]
                short-name-mode = "\(mode)"
                [aliases]
                web = "a.example/web"
                """
            ).references(name).map(\.description)
        }
        #expect(try names("permissive", "app:1") == ["one.example/app:1", "two.example:5000/app:1"])
        #expect(try names("disabled", "web") == ["one.example/web:latest", "two.example:5000/web:latest"])
        #expect(try names("enforcing", "web@\(Self.digest)") == ["a.example/web@\(Self.digest)"])
        #expect(try names("enforcing", "docker.io/app") == ["docker.io/library/app:latest"])
        let error = #expect(throws: RegistryConfigurationError.self) { try names("enforcing", "team/app") }
        #expect(error?.code == .ambiguous)
        #expect(error?.reason.contains("one.example, two.example:5000") == true)
    }

    @Test(arguments: [
        ("[[registry]]\nlocation = \"a\"\nbloked = true\n", "[[registry]]: unknown key \"bloked\""),
        ("[registries.search]\nregistries = []\n", "the format of version 1"),
        ("[[registry]]\ninsecure = true\n", "it has neither prefix nor location"),
        ("[[registry]]\nprefix = \"a.*\"\nlocation = \"b\"\n", "has a \"*\" that is not at its beginning"),
        ("[[registry]]\nprefix = \"a\"\n", "the registry \"a\" has no location"),
        ("[[registry]]\nlocation = \"https://a\"\n", "is not of the form host[:port][/path]"),
        ("[[registry]]\nlocation = 7\n", "expected a string, found an integer"),
        ("short-name-mode = \"strict\"\n", "\"strict\" is not known"),
        (
            "[[registry]]\nlocation = \"a\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"b\"\n"
                + "pull-from-mirror = \"all\"\n", "cannot be used with mirror-by-digest-only"
        ),
        ("x = [\n", "line "),
    ])
    func faultsAreNamed(text: String, reason: String) throws {
        let error = #expect(throws: RegistryConfigurationError.self) { try conf(text) }
        #expect(error?.code == .unusable)
        #expect(error?.reason.contains(reason) == true, "\(error?.description ?? "")")
        #expect(error?.subject.hasSuffix("/registries.conf") == true)
    }
}

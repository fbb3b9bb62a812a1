// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIImageSpec
import Testing

private let hex = String(repeating: "0123456789abcdef", count: 4)
private let sha = "sha256:" + hex

@Suite struct ReferenceTests {
    struct Good: Sendable, CustomTestStringConvertible {
        var text: String
        var full: String
        var familiar: String
        var testDescription: String { text }

        init(_ text: String, _ full: String, _ familiar: String) {
            (self.text, self.full, self.familiar) = (text, full, familiar)
        }
    }

    @Test(arguments: [
        Good("busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        Good("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
        Good("library/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        Good("grafana/loki", "docker.io/grafana/loki:latest", "grafana/loki:latest"),
        Good("docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        Good("index.docker.io/busybox:a", "docker.io/library/busybox:a", "busybox:a"),
        Good("docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest"),
        Good("busybox@\(sha)", "docker.io/library/busybox@\(sha)", "busybox@\(sha)"),
        Good("busybox:1@\(sha)", "docker.io/library/busybox:1@\(sha)", "busybox:1@\(sha)"),
        Good("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        Good("localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest"),
        Good("localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000/x:y"),
        Good("localhost:5000/x:y@\(sha)", "localhost:5000/x:y@\(sha)", "localhost:5000/x:y@\(sha)"),
        Good("127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c:latest", "127.0.0.1:5000/a/b/c:latest"),
        Good("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"),
        Good("[2001:db8::1]/x:t", "[2001:db8::1]/x:t", "[2001:db8::1]/x:t"),
        Good("registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"),
        Good("MyHost/x", "MyHost/x:latest", "MyHost/x:latest"),
        Good("host:80/x", "host:80/x:latest", "host:80/x:latest"),
        Good("host:80", "docker.io/library/host:80", "host:80"),
        Good("a--b/c__d/e_f/g.h", "docker.io/a--b/c__d/e_f/g.h:latest", "a--b/c__d/e_f/g.h:latest"),
        Good("x:_A.b-C", "docker.io/library/x:_A.b-C", "x:_A.b-C"),
        Good(hex + ":tag", "docker.io/library/\(hex):tag", "\(hex):tag"),
        Good("quay.io/" + hex, "quay.io/\(hex):latest", "quay.io/\(hex):latest"),
    ])
    func parses(_ good: Good) throws {
        let reference = try Reference(parsing: good.text)
        #expect(reference.description == good.full)
        #expect(reference.familiar == good.familiar)
        #expect(try Reference(parsing: good.full) == reference)
        #expect(try Reference(parsing: good.familiar) == reference)
    }

    @Test(arguments: [
        ("", "it is empty"),
        ("a b", "it has a space, a control or a non-ASCII character"),
        ("a\n", "it has a space, a control or a non-ASCII character"),
        ("b\u{fc}sybox", "it has a space, a control or a non-ASCII character"),
        ("Busybox", "the repository must be in lower case"),
        ("a/Busybox", "the repository must be in lower case"),
        ("a//b", "a component of the repository is empty"),
        ("a/", "a component of the repository is empty"),
        ("/a", "a component of the repository is empty"),
        ("localhost:5000/", "a component of the repository is empty"),
        ("x:", "the tag is empty"),
        ("x:-a", "the tag may have letters, digits, \"_\", \".\" and \"-\", and not begin with the last two"),
        ("x:a+b", "the tag may have letters, digits, \"_\", \".\" and \"-\", and not begin with the last two"),
        ("x:" + String(repeating: "t", count: 129), "the tag is longer than 128 characters"),
        ("x/" + String(repeating: "a", count: 254), "the repository is longer than 255 characters"),
        ("localhost:65536/x", "the port of the registry is not a number up to 65535"),
        ("localhost:http/x", "the port of the registry is not a number up to 65535"),
        ("localhost:/x", "the port of the registry is not a number up to 65535"),
        ("-a.b/x", "the registry is not a valid host name"),
        ("a..b/x", "the registry is not a valid host name"),
        ("a_b.c/x", "the registry is not a valid host name"),
        ("[::1/x", "the registry is not a valid host name"),
        ("[zz]:1/x", "the registry is not a valid IPv6 address"),
        ("https://quay.io/x", "the port of the registry is not a number up to 65535"),
        (hex, "it is an image id, not a name"),
        ("x@", "want <algorithm>:<hex>"),
        ("x@sha256:abc", "sha256 wants 64 hex digits, found 3"),
        ("x@\(sha)@\(sha)", "sha256 wants 64 hex digits, found 136"),
        ("@\(sha)", "a component of the repository is empty"),
        (":tag", "a component of the repository is empty"),
    ])
    func refuses(_ text: String, _ reason: String) {
        #expect(throws: ImageSpecError(.invalid, "parse reference", text, reason)) { try Reference(parsing: text) }
    }

    @Test(arguments: [".a", "a.", "a..b", "a___b", "a._b", "-a", "a-", "a/.b", "a/..", "a/%2e", "a~b", "a/@"])
    func refusesPath(_ text: String) {
        #expect(throws: ImageSpecError.self) { try Reference(parsing: text) }
    }

    @Test func takesTheLongest() throws {
        let path = "x/" + String(repeating: "a", count: 253)
        let tag = String(repeating: "t", count: 128)
        let reference = try Reference(parsing: "\(path):\(tag)")
        #expect(reference.path == path)
        #expect(reference.tag == tag)
        #expect(throws: ImageSpecError.self) { try Reference(parsing: String(repeating: "a/", count: 600) + "a") }
    }

    @Test func selects() throws {
        let digest = try Digest(parsing: sha)
        #expect(try Reference(parsing: "x").selector == .tag("latest"))
        #expect(try Reference(parsing: "x:1@\(sha)").selector == .digest(digest))
        #expect(try Reference(parsing: "x:1").at(digest).description == "docker.io/library/x@\(sha)")
        #expect(try Reference(parsing: "x@\(sha)").tagged == nil)
        #expect(try Reference(parsing: "x:1@\(sha)").tagged == "docker.io/library/x:1")
    }

    @Test func saysWhatIsWrong() {
        let error = #expect(throws: ImageSpecError.self) { try Reference(parsing: "quay.io/Foo\"\n") }
        #expect(
            error?.description
                == #"parse reference "quay.io/Foo\"\n": it has a space, a control or a non-ASCII character"#)
    }
}

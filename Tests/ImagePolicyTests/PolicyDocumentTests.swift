// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImagePolicy
import OCIImageSpec
import Testing

/// policy.json: what it says, and that nothing in it is passed over.
@Suite struct PolicyDocumentTests {
    private func policy(_ text: String) throws -> ImagePolicy {
        try ImagePolicy(parsing: Array(text.utf8), subject: "policy.json")
    }

    private static let scoped = #"""
        {"default": [{"type": "reject"}],
         "transports": {"docker": {
            "a.example": [{"type": "insecureAcceptAnything"}],
            "a.example/team": [{"type": "reject"}],
            "a.example/team/app:1": [{"type": "insecureAcceptAnything"}],
            "*.b.example": [{"type": "sigstoreSigned", "keyPath": "/k"}],
            "": [{"type": "sigstoreSigned", "keyPath": "/k", "rekorPublicKeyPath": "/r"}]},
          "oci": {"/images": [{"type": "insecureAcceptAnything"}]}}}
        """#

    /// A name is a stranger's, and messages go to terminals and logs.
    @Test func messagesStayOnOneLine() {
        let error = PolicyError(.rejected, "use", "a\u{1B}[2J\nb", "no")
        #expect(error.description == #"use "a\u{1B}[2J\nb": no"#)
    }

    @Test(arguments: [
        ("a.example/x", ImagePolicy.Demand.none), ("a.example/team/app:1", .none), ("x.b.example/y", .signatures),
    ])
    func theMostSpecificScopeCounts(name: String, demand: ImagePolicy.Demand) throws {
        #expect(try policy(Self.scoped).demand(for: Reference(parsing: name)) == demand)
    }

    @Test(arguments: [
        ("a.example/team/app:2", "the policy rejects it"), ("a.example/team/x", "the policy rejects it"),
        ("b.example/x", "the policy asks for sigstoreSigned with \"rekorPublicKeyPath\", which is not supported"),
    ])
    func refusalsAreExplained(name: String, reason: String) throws {
        let policy = try policy(Self.scoped)
        let error = #expect(throws: PolicyError.self) { try policy.demand(for: Reference(parsing: name)) }
        #expect(error?.code == .rejected)
        #expect(error?.reason == reason)
    }

    @Test func otherTransportsHaveScopesOfPaths() throws {
        let policy = try policy(Self.scoped)
        try policy.admit(transport: "oci", path: "/images/app")
        #expect(throws: PolicyError.self) { try policy.admit(transport: "oci", path: "/imagesX/app") }
        #expect(throws: PolicyError.self) { try policy.admit(transport: "dir", path: "/images/app") }
    }

    @Test(arguments: [
        ("{}", "default: required property is missing"), (#"{"default": []}"#, "\"default\" has no requirement"),
        (#"{"default": [{"type": "accept"}]}"#, "unknown type of requirement \"accept\""),
        (#"{"default": [{"type": "reject", "x": 1}]}"#, "unknown key \"x\""),
        (#"{"default": [{"type": "reject"}], "transport": {}}"#, "unknown key \"transport\""),
        (
            #"{"default": [{"type": "sigstoreSigned", "keyPath": "/a", "keyData": "YQ=="}]}"#,
            "exactly one of keyPath, keyPaths, keyData and keyDatas must name keys"
        ),
        (
            #"{"default": [{"type": "sigstoreSigned", "keyPath": "/a", "signedIdentity": {"type": "any"}}]}"#,
            "unknown type of signedIdentity \"any\""
        ),
        (#"{"default": [{"type": "signedBy", "keyPath": "/a"}]}"#, "default[0].keyType: required property is missing"),
    ])
    func aDoubtfulFileIsUnusable(text: String, reason: String) throws {
        let error = #expect(throws: PolicyError.self) { try policy(text) }
        #expect(error?.code == .unusable)
        #expect(error?.subject == "policy.json")
        #expect(error?.reason.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func noFileIsNoPolicy() throws { #expect(try ImagePolicy(path: "/nonexistent/policy.json") == nil) }
}

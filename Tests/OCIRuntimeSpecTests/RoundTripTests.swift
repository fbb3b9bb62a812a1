// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import OCIRuntimeSpec
import Testing

/// The specification's own examples, and two files with every property of its schemas.
@Suite struct RoundTripTests {
    @Test(arguments: try Fixture.all("config/good"))
    func `a configuration is unchanged by decoding and encoding`(_ fixture: Fixture) throws {
        // Sections of other systems are dropped; the last is in the specification's example but not in its schema.
        let dropped = ["windows", "solaris", "vm", "zos", "freebsd", "linux.resources.oomScoreAdj"]
        try fixture.check(Spec.self, ignoring: dropped)
    }

    @Test(arguments: try Fixture.all("state/good"))
    func `a state is unchanged by decoding and encoding`(_ fixture: Fixture) throws {
        try fixture.check(State.self)
    }

    @Test(arguments: try Fixture.all("features/good"))
    func `features are unchanged by decoding and encoding`(_ fixture: Fixture) throws {
        try fixture.check(Features.self)
    }

    @Test(arguments: ["invalid-json", "linux-netdevice", "linux-rdma"])
    func `a malformed configuration is refused`(_ name: String) throws {
        let fixture = Fixture(path: "config/bad/\(name).json")
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Spec.self, from: fixture.data()) }
    }

    @Test func `features without the newest version are refused`() throws {
        let fixture = Fixture(path: "features/bad/missing-ociVersionMax.json")
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Features.self, from: fixture.data()) }
    }

    @Test func `a null counts as absent`() throws {
        let text = #"{"ociVersion":"1.3.0","mounts":null,"process":{"cwd":"/","args":null}}"#
        let spec = try JSONDecoder().decode(Spec.self, from: Data(text.utf8))
        #expect(spec == Spec(ociVersion: "1.3.0", process: Process(cwd: "/")))
    }

    @Test func `extremes of numbers are kept`() throws {
        let spec = try JSONDecoder().decode(Spec.self, from: Fixture(path: "config/good/all-properties.json").data())
        #expect(spec.linux?.resources?.memory?.limit == -1)
        #expect(spec.linux?.resources?.memory?.reservation == .min)
        #expect(spec.linux?.resources?.cpu?.shares == .max)
        #expect(spec.process?.rlimits?.first?.hard == .max)
        #expect(spec.process?.user?.uid == .max)
    }
}

/// One JSON file below `Fixtures`.
struct Fixture: CustomTestStringConvertible {
    var path: String
    var testDescription: String { path }

    private static let root = Bundle.module.resourceURL?.appendingPathComponent("Fixtures").path ?? ""

    static func all(_ folder: String) throws -> [Fixture] {
        try FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)").sorted()
            .map { Fixture(path: "\(folder)/\($0)") }
    }

    func data() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(Self.root)/\(path)")) }

    /// Decodes the file as `Value`, encodes it again and compares both as trees.
    func check<Value: Codable>(_ type: Value.Type, ignoring dropped: [String] = []) throws {
        let encoded = try JSONEncoder().encode(JSONDecoder().decode(type, from: data()))
        var expected = try JSONDecoder().decode(JSONTree.self, from: data())
        for path in dropped { expected = expected.removing(path.split(separator: ".").map(String.init)) }
        #expect(try JSONDecoder().decode(JSONTree.self, from: encoded) == expected)
    }
}

/// Any JSON value, with integers kept whole.
enum JSONTree: Decodable, Equatable {
    case null, bool(Bool), unsigned(UInt64), signed(Int64), text(String)
    case array([JSONTree]), object([String: JSONTree])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? value.decode(UInt64.self) {
            self = .unsigned(number)
        } else if let number = try? value.decode(Int64.self) {
            self = .signed(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let array = try? value.decode([JSONTree].self) {
            self = .array(array)
        } else {
            self = .object(try value.decode([String: JSONTree].self))
        }
    }

    /// The same tree without the member the path of names leads to.
    func removing(_ path: [String]) -> JSONTree {
        guard case .object(var members) = self, let name = path.first, let member = members[name] else { return self }
        members[name] = path.count == 1 ? nil : member.removing(Array(path.dropFirst()))
        return .object(members)
    }
}

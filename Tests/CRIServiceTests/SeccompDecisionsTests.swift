// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import OCIRuntimeSpec
import Testing

@testable import CRIService

/// The built-in profile decides what the engines' common one decides, system call by system call.
struct SeccompDecisionsTests {
    /// Lines such as `socket errno:22 arg0==16 arg2==9 -CAP_AUDIT_WRITE`.
    private func decisions(of profile: SeccompProfile) -> Set<String> {
        let operators: [LinuxSeccompOperator: String] = [
            .equal: "==", .notEqual: "!=", .maskedEqual: "&==", .greaterOrEqual: ">=", .greater: ">", .less: "<",
            .lessOrEqual: "<=",
        ]
        var lines: Set<String> = []
        for rule in profile.syscalls ?? [] {
            let action = rule.action.rawValue.replacingOccurrences(of: "SCMP_ACT_", with: "").lowercased()
            var words = [action + (rule.errnoRet.map { ":\($0)" } ?? "")]
            for argument in rule.args ?? [] {
                let second = argument.valueTwo.map { $0 == 0 ? "" : ":\($0)" } ?? ""
                words.append("arg\(argument.index)\(operators[argument.op] ?? "?")\(argument.value)\(second)")
            }
            for (sign, condition) in [("+", rule.includes), ("-", rule.excludes)] {
                words += (condition?.caps ?? []).sorted().map { sign + $0 }
                words += (condition?.arches ?? []).sorted().map { sign + $0 }
            }
            for name in rule.names ?? [] { lines.insert(([name] + words).joined(separator: " ")) }
        }
        return lines
    }

    @Test func everyDecisionIsTheSame() throws {
        let file = try #require(Bundle.module.url(forResource: "Fixtures/runtime-default", withExtension: "txt"))
        var (wanted, head, fallback) = (Set<String>(), "", "")
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("default: ") {
                fallback = String(line.dropFirst("default: ".count))
            } else if line.hasPrefix(" ") {
                for name in line.split(separator: " ") { wanted.insert("\(name) \(head)") }
            } else {
                head = String(line.dropLast())
            }
        }
        #expect(wanted.count > 400)
        let have = decisions(of: .standard)
        #expect(have.subtracting(wanted) == [])
        #expect(wanted.subtracting(have) == [])
        #expect(SeccompProfile.standard.defaultAction == .errno)
        #expect(fallback == "errno:\(SeccompProfile.standard.defaultErrnoRet ?? 0)")
    }
}

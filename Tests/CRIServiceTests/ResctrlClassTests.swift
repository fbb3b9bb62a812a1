// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import CRIService

struct ResctrlClassTests {
    private static let pod = "rdt.resources.beta.kubernetes.io/pod"
    private static let one = "rdt.resources.beta.kubernetes.io/container.c"
    private static let container = "io.kubernetes.cri.rdt-class"
    private static let rules = ["rdt.resources.beta.kubernetes.io/", container]

    @Test func theNearestCounts() throws {
        func find(_ container: [String: String], _ pod: [String: String]) throws -> String? {
            try ResctrlClass.find(container: "c", container, pod: pod, rules: Self.rules)
        }
        #expect(try find([:], [:]) == nil)
        #expect(try find([:], [Self.pod: "bronze"]) == "bronze")
        #expect(try find([:], [Self.pod: "bronze", Self.one: "silver"]) == "silver")
        #expect(try find([Self.container: "gold"], [Self.pod: "bronze", Self.one: "silver"]) == "gold")
        #expect(try find([:], [Self.one + "x": "silver"]) == nil)
    }

    @Test(arguments: [pod, one]) func whoMayNotAskIsTold(name: String) {
        let error = #expect(throws: ServiceError.self) {
            try ResctrlClass.find(container: "c", [:], pod: [name: "gold"], rules: ["other"])
        }
        #expect(error?.code == .invalid && error?.subject == name)
    }

    @Test(arguments: ["", ".", "..", "a/b", "/", "a b", "a\nb"]) func whatIsNoGroup(group: String) {
        #expect(throws: ServiceError.self) {
            try ResctrlClass.find(container: "c", [:], pod: [Self.pod: group], rules: Self.rules)
        }
    }

    @Test func theGroupIsInTheSpecification() throws {
        #expect(try SpecRequest().build().linux?.intelRdt == nil)
        var input = SpecRequest().input
        input.resctrlGroup = "gold"
        #expect(try SpecBuilder.build(input).linux?.intelRdt == LinuxIntelRdt(closID: "gold"))
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CNI
import CRIAPI
import SwiftProtobuf
import Testing

@testable import CRIService

struct NetworkArgumentsTests {
    @Test func aPodThatSaysNothing() throws {
        #expect(try NetworkArguments.make(CRI.PodConfig(), cgroup: "/p") == ["cgroupPath": "/p"])
    }

    @Test func portsOfAllProtocols() throws {
        let mappings: [CRI.PortMapping] = [
            .with { ($0.hostPort, $0.containerPort) = (8080, 80) },
            .with { ($0.hostPort, $0.containerPort, $0.protocol, $0.hostIp) = (53, 53, .udp, "::1") },
            .with { ($0.hostPort, $0.containerPort, $0.protocol) = (9, 9, .sctp) },
            // Without a port of the host nothing is mapped.
            .with { $0.containerPort = 81 },
        ]
        #expect(
            try NetworkArguments.portMappings(mappings) == [
                ["hostPort": .integer(8080), "containerPort": .integer(80), "protocol": "tcp"],
                ["hostPort": .integer(53), "containerPort": .integer(53), "protocol": "udp", "hostIP": "::1"],
                ["hostPort": .integer(9), "containerPort": .integer(9), "protocol": "sctp"],
            ])
    }

    @Test(arguments: [
        ("10M", 10_000_000), ("1Gi", 1 << 30), ("1500", 1500), ("2k", 2000), ("", nil), ("M", nil), ("1.5M", nil),
        ("10MB", nil), ("99999999999999999999", nil), ("9999999999999999T", nil),
    ])
    func quantities(text: String, number: Int?) { #expect(NetworkArguments.quantity(text) == number) }

    @Test(arguments: [
        ["kubernetes.io/ingress-bandwidth": "much"], ["kubernetes.io/egress-bandwidth": "1"],
        ["ip-ranges.skiff.io": "10.0.0.0/8"],
    ])
    func refusesAnnotations(annotations: [String: String]) {
        let config = CRI.PodConfig.with { $0.annotations = annotations }
        #expect(throws: ServiceError.self) { try NetworkArguments.make(config, cgroup: "/p") }
    }

    @Test func fillsATemplate() throws {
        let template = #"{"a": "{{.PodCIDR}}", "b": {{.PodCIDRRanges}}, "c": {{.Routes}}, "d": "{{.Other}}"}"#
        #expect(
            try NetworkTemplate(ranges: "10.1.2.0/24").text(template)
                == ##"{"a": "10.1.2.0/24", "b": [[{"subnet":"10.1.2.0/24"}]], "c": [{"dst":"0.0.0.0/0"}], "d": "{{.Other}}"}"##
        )
        #expect(
            try NetworkTemplate(ranges: "fd00::/64, 10.1.2.0/24").text("{{.PodCIDR}} {{.PodCIDRRanges}} {{.Routes}}")
                == #"fd00::/64 [[{"subnet":"fd00::/64"}],[{"subnet":"10.1.2.0/24"}]] [{"dst":"::/0"},{"dst":"0.0.0.0/0"}]"#
        )
    }

    @Test(arguments: ["10.1.2.0", "10.1.2.0/33", "fd00::/129", "/24", "a/24", "10.1.2.0/24,x", ","])
    func refusesRanges(text: String) {
        #expect(throws: ServiceError.self) { try NetworkTemplate(ranges: text) }
    }
}

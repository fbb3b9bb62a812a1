// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import OCIRuntimeSpec
import SwiftProtobuf
import Testing

@testable import CRIService

struct UserNamespaceAnnotationTests {
    private static let name = "userns-mode.crio.io"

    private func pod(_ text: String, _ name: String = Self.name) -> CRI.PodConfig {
        .with { $0.annotations = [name: text] }
    }

    private func users(_ pod: CRI.PodConfig) throws -> UserMapping? {
        try UserMapping(pod.linux.securityContext.namespaceOptions)
    }

    @Test(arguments: [name, "io.kubernetes.cri-o.userns-mode"]) func aRangeForBoth(name: String) throws {
        let asked = pod("private:uidmapping=0:100000:65536", name)
        let config = try UserNamespaceAnnotation.obeyed(in: asked, [name])
        let range = LinuxIDMapping(containerID: 0, hostID: 100_000, size: 65536)
        #expect(try users(config) == UserMapping(users: range, groups: range))
        // The request had said nothing of processes; what is said of users does not have them shared.
        #expect(config.linux.securityContext.pidMode == .container)
        #expect(try UserNamespaceAnnotation.obeyed(in: asked, []) == asked)
    }

    @Test func rangesOfTheirOwn() throws {
        let text = "private:uidmapping=0:100000:1000;gidmapping=0:200000:2000"
        let config = try UserNamespaceAnnotation.obeyed(in: pod(text), [Self.name])
        let found = try #require(try users(config))
        #expect(found.users == LinuxIDMapping(containerID: 0, hostID: 100_000, size: 1000))
        #expect(found.groups == LinuxIDMapping(containerID: 0, hostID: 200_000, size: 2000))
    }

    @Test func theRequestGoesFirst() throws {
        var config = pod("private:uidmapping=0:100000:65536")
        config.linux.securityContext.namespaceOptions.usernsOptions.mode = .node
        #expect(try UserNamespaceAnnotation.obeyed(in: config, [Self.name]) == config)
        #expect(try UserNamespaceAnnotation.obeyed(in: CRI.PodConfig(), [Self.name]) == CRI.PodConfig())
    }

    @Test(arguments: [
        "", "auto", "auto:size=65536", "host", "private", "private:", "private:uidmapping=0:1000:65536",
        "private:uidmapping=0:0:4294967295", "private:uidmapping=1:100000:1", "private:uidmapping=0:100000",
        "private:uidmapping=0:100000:10,10:200000:10", "private:uidmapping=0:-1:10", "private:keep-id=true",
        "private:uidmapping",
    ])
    func whatIsRefused(text: String) {
        let error = #expect(throws: ServiceError.self) {
            try UserNamespaceAnnotation.obeyed(in: pod(text), [Self.name])
        }
        #expect(error?.code == .invalid && error?.subject == Self.name)
    }
}

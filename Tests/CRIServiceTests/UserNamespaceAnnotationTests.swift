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

    private func range(_ first: UInt32, _ count: UInt32 = 65536) -> LinuxIDMapping {
        LinuxIDMapping(containerID: 0, hostID: first, size: count)
    }

    @Test(arguments: [name, "io.kubernetes.cri-o.userns-mode"]) func aRangeForBoth(name: String) throws {
        let asked = pod("private:uidmapping=0:100000:65536", name)
        let users = UserMapping(users: range(100_000), groups: range(100_000))
        #expect(try UserNamespaceAnnotation(asked, [name]) == .ranges(users))
        #expect(try UserNamespaceAnnotation(asked, []) == nil)
        let context = asked.with(users).linux.securityContext
        #expect(try UserMapping(context.namespaceOptions) == users)
        // The request had said nothing of processes; what is said of users does not have them shared.
        #expect(context.pidMode == .container)
    }

    @Test func rangesOfTheirOwn() throws {
        let text = "private:uidmapping=0:100000:1000;gidmapping=0:200000:2000"
        let users = UserMapping(users: range(100_000, 1000), groups: range(200_000, 2000))
        #expect(try UserNamespaceAnnotation(pod(text), [Self.name]) == .ranges(users))
    }

    @Test(arguments: [("auto", 65536), ("auto:", 65536), ("auto:size=1000", 1000)] as [(String, UInt32)])
    func unusedIDs(text: String, count: UInt32) throws {
        #expect(try UserNamespaceAnnotation(pod(text), [Self.name]) == .unused(count))
    }

    @Test func theRequestGoesFirst() throws {
        var config = pod("private:uidmapping=0:100000:65536")
        config.linux.securityContext.namespaceOptions.usernsOptions.mode = .node
        #expect(try UserNamespaceAnnotation(config, [Self.name]) == nil)
        #expect(try UserNamespaceAnnotation(CRI.PodConfig(), [Self.name]) == nil)
    }

    @Test(arguments: [
        "", "auto:size=0", "auto:size=x", "auto:size", "auto:size=1;keep-id=true", "auto:keep-id=true",
        "host", "private", "private:", "private:uidmapping=0:1000:65536",
        "private:uidmapping=0:0:4294967295", "private:uidmapping=1:100000:1", "private:uidmapping=0:100000",
        "private:uidmapping=0:100000:10,10:200000:10", "private:uidmapping=0:-1:10", "private:keep-id=true",
        "private:uidmapping",
    ])
    func whatIsRefused(text: String) {
        let error = #expect(throws: ServiceError.self) {
            try UserNamespaceAnnotation(pod(text), [Self.name])
        }
        #expect(error?.code == .invalid && error?.subject == Self.name)
    }
}

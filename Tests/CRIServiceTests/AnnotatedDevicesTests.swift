// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import EngineConfiguration
import Testing

@testable import CRIService

struct AnnotatedDevicesTests {
    private func find(_ annotations: [String: String], rules: [String]) throws(ServiceError) -> [ConfiguredDevice] {
        try AnnotatedDevices.find(annotations, rules: rules, devices: ["/dev/fuse", "/dev/a"])
    }

    @Test func areThoseThatAreAllowed() throws {
        let both = ["devices.crio.io": "/dev/fuse, /dev/a:/dev/b:r", "io.kubernetes.cri-o.Devices": "/dev/a"]
        let wanted = [ConfiguredDevice("/dev/fuse"), ConfiguredDevice("/dev/a:/dev/b:r")].compactMap { $0 }
        #expect(try find(both, rules: ["devices.crio.io"]) == wanted)
        #expect(try find(both, rules: ["io.kubernetes.cri-o."]) == [ConfiguredDevice("/dev/a")].compactMap { $0 })
        #expect(try find(both, rules: []) == [])
        #expect(try find([:], rules: ["devices.crio.io"]) == [])
    }

    @Test(arguments: [
        ("/dev/mem", "use device \"/dev/mem\""), ("fuse", "\"fuse\" is no device"),
        ("/dev/fuse:x", "\"/dev/fuse:x\" is no device"),
    ])
    func othersAreRefused(text: String, part: String) {
        let error = #expect(throws: ServiceError.self) {
            try find(["devices.crio.io": text], rules: ["devices.crio.io"])
        }
        #expect(error?.code == .invalid && error?.description.contains(part) == true)
    }
}

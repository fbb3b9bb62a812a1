// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import EngineConfiguration
import Testing

struct ConfiguredDeviceTests {
    @Test(arguments: [
        ("/dev/fuse", "/dev/fuse", "rwm"), ("/dev/fuse:rw", "/dev/fuse", "rw"),
        ("/dev/fuse:/dev/mine", "/dev/mine", "rwm"), ("/dev/fuse:/dev/mine:r", "/dev/mine", "r"),
    ])
    func parts(text: String, path: String, access: String) {
        let device = ConfiguredDevice(text)
        #expect(device?.hostPath == "/dev/fuse" && device?.path == path && device?.access == access)
    }

    @Test(arguments: ["", "fuse", "/dev/fuse:", "/dev/fuse:x", "/dev/fuse:rw:/dev/mine", "/a:/b:r:w"])
    func noDevice(text: String) {
        #expect(ConfiguredDevice(text) == nil)
        #expect(throws: ConfigurationError.self) {
            try DaemonConfig.load([("file", "[runtime]\nadditional_devices = [\"\(text)\"]\n")])
        }
    }
}

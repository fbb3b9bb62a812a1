// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import Testing

@testable import CRIService

struct BlockIOClassTests {
    private static let text = """
        Classes:
          slow:
            - Weight: 80
            - Devices: ["/dev/sd[a-z]", /dev/vda]
              Weight: 50
              ThrottleReadBps: 50M
              ThrottleWriteBps: 10Mi
            - Devices:
                - /dev/sdb
              ThrottleReadBps: 4096
              ThrottleReadIOPS: 10k
              ThrottleWriteIOPS: 5000
          fast: []
        """

    private func number(_ minor: UInt32) -> DeviceNumber { DeviceNumber(major: 8, minor: minor) }
    private func throttle(_ minor: Int64, _ rate: UInt64) -> LinuxThrottleDevice {
        LinuxThrottleDevice(major: 8, minor: minor, rate: rate)
    }

    @Test func theLastPartThatNamesADeviceCounts() throws {
        let classes = try BlockIOClass.parse(Self.text)
        let found = ["/dev/sd[a-z]": [number(16), number(0)], "/dev/vda": [number(99)], "/dev/sdb": [number(16)]]
        let io = try #require(classes["slow"]).resolved { found[$0] ?? [] }
        #expect(io.weight == 80)
        #expect(
            io.weightDevice == [0, 16, 99].map { LinuxWeightDevice(major: 8, minor: $0, weight: 50) })
        #expect(io.throttleReadBpsDevice == [throttle(0, 50_000_000), throttle(16, 4096), throttle(99, 50_000_000)])
        #expect(io.throttleWriteBpsDevice == [0, 16, 99].map { throttle($0, 10 << 20) })
        #expect(io.throttleReadIOPSDevice == [throttle(16, 10000)])
        #expect(io.throttleWriteIOPSDevice == [throttle(16, 5000)])
        #expect(try #require(classes["fast"]).resolved { _ in [] } == LinuxBlockIO())
        // A machine without these devices.
        #expect(try #require(classes["slow"]).resolved { _ in [] } == LinuxBlockIO(weight: 80))
    }

    @Test(arguments: [
        "", "[]", "Classes: 1", "Classes: {a: {}}", "Other: {}", "Classes: {}\nOther: {}", "Classes: {a: [1]}",
        "Classes: {a: [{Weight: 9}]}", "Classes: {a: [{Weight: 1001}]}", "Classes: {a: [{Weight: x}]}",
        "Classes: {a: [{Devices: []}]}", "Classes: {a: [{Devices: /dev/sda}]}", "Classes: {a: [{Devices: [sda]}]}",
        "Classes: {a: [{ThrottleReadBps: 1}]}", "Classes: {a: [{Devices: [/dev/sda], ThrottleReadBps: 0}]}",
        "Classes: {a: [{Devices: [/dev/sda], ThrottleReadBps: 1.5M}]}",
        "Classes: {a: [{Devices: [/dev/sda], ThrottleReadBps: 1X}]}",
        "Classes: {a: [{Devices: [/dev/sda], ThrottleReadBps: 99999999999T}]}",
        "Classes: {a: [{Devices: [/dev/sda], Throttle: 1}]}",
    ])
    func whatIsRefused(text: String) {
        #expect(throws: ServiceError.self) { try BlockIOClass.parse(text) }
    }

    @Test func itsLimitsAreInTheSpecification() throws {
        var input = SpecRequest().input
        #expect(try SpecBuilder.build(input).linux?.resources?.blockIO == nil)
        input.blockIO = LinuxBlockIO(weight: 80)
        #expect(try SpecBuilder.build(input).linux?.resources?.blockIO == LinuxBlockIO(weight: 80))
    }

    @Test func devicesOfTheMachine() throws {
        #expect(throws: ServiceError.self) { try DisksByPath.find("/dev/null") }
        #expect(throws: SystemError.self) { try DisksByPath.find("/dev/no-such-device") }
        #expect(try DisksByPath.find("/dev/nul?") == [])
        #expect(try DisksByPath.find("/no-such-folder/*") == [])
    }
}

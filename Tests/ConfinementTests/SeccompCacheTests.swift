// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import TestSupport
import Testing

@testable import Confinement

@Suite struct SeccompCacheTests {
    private let spec = LinuxSeccomp(
        defaultAction: .errno, architectures: [.x86],
        syscalls: [
            .init(names: ["read", "openat2"], action: .allow),
            .init(
                names: ["clone"], action: .errno, errnoRet: 38,
                args: [.init(index: 0, value: 5, valueTwo: 1, op: .maskedEqual), .init(index: 1, value: 2, op: .less)]),
        ])

    @Test func `the file is the profile, a zero byte and the program`() throws {
        let folder = try TemporaryDirectory()
        let filter = try SeccompFilter(spec, cache: folder.path + "/cache")
        let names = try Syscall.entries(folder.path + "/cache")
        #expect(names.count == 1)
        let bytes = try Syscall.readFile("\(folder.path)/cache/\(try #require(names.first))")
        let parts = bytes.split(separator: 0, maxSplits: 1)
        let lines = String(decoding: parts[0], as: UTF8.self).split(separator: "\n")
        #expect(lines[0].hasPrefix("seccomp 1 "))
        #expect(
            lines.dropFirst() == [
                "SCMP_ACT_ERRNO - SCMP_ARCH_X86", "SCMP_ACT_ALLOW -: read openat2",
                "SCMP_ACT_ERRNO 38 0,SCMP_CMP_MASKED_EQ,5,1 1,SCMP_CMP_LT,2,0: clone",
            ])
        #expect(parts[1].count == filter.program.count * 8)
        #expect(try Syscall.status("\(folder.path)/cache").permissions == 0o700)
    }

    @Test func `the second filter comes from the cache and is the same`() throws {
        let folder = try TemporaryDirectory()
        let first = try SeccompFilter(spec, cache: folder.path)
        #expect(SeccompCache(directory: folder.path).program(spec) == first.program)
        #expect(try SeccompFilter(spec, cache: folder.path) == first)
        #expect(try SeccompFilter(spec) == first)
        var other = spec
        other.defaultErrnoRet = 5
        #expect(SeccompCache(directory: folder.path).program(other) == nil)
    }

    @Test func `a damaged file is not used`() throws {
        let folder = try TemporaryDirectory()
        let filter = try SeccompFilter(spec, cache: folder.path)
        let path = "\(folder.path)/\(try #require(try Syscall.entries(folder.path).first))"
        let bytes = try Syscall.readFile(path)
        for damaged in [Array(bytes.dropLast(1)), Array(bytes.dropFirst(1)), Array(bytes.prefix(10)), []] {
            try AtomicFile.write(path, damaged)
            #expect(SeccompCache(directory: folder.path).program(spec) == nil)
            #expect(try SeccompFilter(spec, cache: folder.path) == filter)
        }
    }

    @Test func `names that could be mistaken are not kept, and a missing folder does no harm`() throws {
        var odd = spec
        odd.syscalls?.append(.init(names: ["x\nSCMP_ACT_ALLOW -: mount"], action: .allow))
        #expect(SeccompCache.key(odd) == nil)
        #expect(try SeccompFilter(odd, cache: "/proc/nowhere") == SeccompFilter(spec))
    }
}

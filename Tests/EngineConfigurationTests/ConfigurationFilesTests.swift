// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import EngineConfiguration
import Linux
import TestSupport
import Testing

@Suite struct ConfigurationFilesTests {
    @Test func dropInsAreReadInLexicalOrder() throws {
        let folder = try TemporaryDirectory()
        try write(folder, "skiff.toml", "root = \"/a\"\nrun = \"/r\"\nlog_level = \"error\"")
        try write(folder, "skiff.toml.d/20-b.toml", "root = \"/b\"")
        try write(folder, "skiff.toml.d/10-c.toml", "root = \"/c\"\nlog_level = \"debug\"")
        try write(folder, "skiff.toml.d/30-ignored.txt", "root = ")
        try write(folder, "skiff.toml.d/.40-hidden.toml", "root = ")
        let config = try DaemonConfig.load(folder.path + "/skiff.toml")
        #expect(config.root == "/b")
        #expect(config.logLevel == .debug)
        #expect(config.run == "/r")
    }

    @Test func anErrorNamesTheDropIn() throws {
        let folder = try TemporaryDirectory()
        try write(folder, "skiff.toml", "root = \"/a\"")
        try write(folder, "skiff.toml.d/1.toml", "\n[cni]\nbin_dir = []")
        let file = folder.path + "/skiff.toml"
        let error = #expect(throws: ConfigurationError.self) { try DaemonConfig.load(file) }
        #expect(error == .init(file: file + ".d/1.toml", line: 3, key: "cni.bin_dir", cause: "unknown key"))
    }

    @Test func aNamedFileMustExistAndBeText() throws {
        let folder = try TemporaryDirectory()
        let file = folder.path + "/skiff.toml"
        let missing = #expect(throws: ConfigurationError.self) { try DaemonConfig.load(file) }
        #expect(missing?.description == "read configuration \"\(file)\": no such file or directory")
        try AtomicFile.write(file, [0x61, 0xff, 0x0a])
        let binary = #expect(throws: ConfigurationError.self) { try DaemonConfig.load(file) }
        #expect(binary?.cause == "not UTF-8 text")
    }

    @Test func programsAreFoundBesideTheDaemonThenOnPath() throws {
        let folder = try TemporaryDirectory()
        for name in ["skiffmon", "skiffrun"] {
            try AtomicFile.write("\(folder.path)/\(name)", "#!/bin/sh\n", mode: 0o755)
        }
        var config = DaemonConfig().resolved()
        config.runtime.handlers["other"] = .init(path: "sh")
        let (located, none) = try config.locatingPrograms(beside: folder.path, path: "/nowhere:/bin")
        #expect(none.isEmpty)
        #expect(located.runtime.monitor == folder.path + "/skiffmon")
        #expect(located.runtime.handlers["skiffrun"]?.path == folder.path + "/skiffrun")
        #expect(located.runtime.handlers["other"]?.path == "/bin/sh")
        let (rest, unusable) = try config.locatingPrograms(beside: folder.path, path: "/nowhere")
        #expect(rest.runtime.handlers.keys.sorted() == ["skiffrun"])
        #expect(unusable.map(\.key) == ["runtime.handlers.other.path"])
        config.runtime.defaultHandler = "other"
        let missing = #expect(throws: ConfigurationError.self) {
            try config.locatingPrograms(beside: folder.path, path: "/nowhere")
        }
        #expect(missing?.key == "runtime.handlers.other.path")
        config.runtime.monitor = "/nowhere/skiffmon"
        let wrong = #expect(throws: ConfigurationError.self) {
            try config.locatingPrograms(beside: folder.path, path: "/bin")
        }
        #expect(wrong?.cause == "\"/nowhere/skiffmon\": no such file or directory")
    }

    private func write(_ folder: TemporaryDirectory, _ name: String, _ text: String) throws {
        try Syscall.makeDirectories(folder.path + "/skiff.toml.d")
        try AtomicFile.write("\(folder.path)/\(name)", text)
    }
}

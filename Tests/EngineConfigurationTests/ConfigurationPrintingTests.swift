// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import EngineConfiguration
import Foundation
import Linux
import Testing

@Suite struct ConfigurationPrintingTests {
    @Test func theDefaultFileChangesNothing() throws {
        let config = try DaemonConfig.load([("default", DaemonConfig.defaultText)])
        #expect(config == DaemonConfig().resolved())
    }

    @Test func theDefaultFileUncommentedIsTheDefaults() throws {
        let text = DaemonConfig.defaultText.split(separator: "\n").map { line in
            // "# Text" is a comment, "#key = value" and "#    continued" are settings.
            line.hasPrefix("#") && (!line.hasPrefix("# ") || line.hasPrefix("#  ")) ? line.dropFirst() : line
        }.joined(separator: "\n")
        #expect(text.contains("\nroot = \"/var/lib/skiff\"\n"))
        #expect(try DaemonConfig.load([("default", text)]) == DaemonConfig().resolved())
    }

    @Test func whatIsPrintedIsReadBack() throws {
        var config = DaemonConfig()
        config.root = "/tmp/a \"quoted\" \\ name"
        config.run = "/tmp/run"
        config.logLevel = .trace
        config.cni.timeout = .milliseconds(1500)
        config.runtime.handlers["crun"] = .init(path: "/usr/bin/crun")
        config.runtime.pidsLimit = 7
        config.runtime.imageVolumes = .bind
        config.api.cipherSuites = [.ecdheRSAWithAES128GCM, .ecdheECDSAWithChaCha20]
        config.runtime.handlers["crun"]?.environment = ["A=b"]
        config.runtime.workloads["w"] = .init()
        config.runtime.workloads["w"]?.activationAnnotation = "a"
        config.image.insecureRegistries = ["localhost:5000", "127.0.0.1:5001"]
        #expect(try DaemonConfig.load([("printed", config.text)]) == config.resolved())
    }

    @Test func everyKeyIsDocumented() {
        for key in ["root", "listen", "bin_dirs", "seccomp_profile", "insecure_registries", "path"] {
            #expect(DaemonConfig.markdown.contains("| `\(key)` | `"))
        }
    }

    /// To write it anew: `SKIFF_WRITE_DOCS=1 swift test --filter theDocumentIsTrue`.
    @Test func theDocumentIsTrue() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(root)/docs/configuration.md"
        let mark = "<!-- Below: generated from Sources/EngineConfiguration. -->\n\n"
        let parts = try Syscall.readText(path).split(separator: mark, maxSplits: 1, omittingEmptySubsequences: false)
        try #require(parts.count == 2)
        if ProcessInfo.processInfo.environment["SKIFF_WRITE_DOCS"] != nil {
            try AtomicFile.write(path, parts[0] + mark + DaemonConfig.markdown)
        } else {
            #expect(parts[1] == DaemonConfig.markdown)
        }
    }
}

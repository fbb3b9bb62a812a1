// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import Linux
import TestSupport
import Testing

@testable import SkiffctlCommands

@Suite struct ConfigFileTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func file(_ text: String) throws -> String {
        let path = "\(folder.path)/config"
        try AtomicFile.write(path, Array(text.utf8))
        return path
    }

    private func failure(_ text: String) throws -> String? {
        let path = try file(text)
        let error = #expect(throws: CommandError.self) { try ConfigFile.pod(path) }
        return error?.description.replacing(path, with: "FILE")
    }

    @Test(arguments: [
        """
        {"metadata": {"name": "web", "namespace": "default", "uid": "1", "attempt": 2}, "log_directory": "/logs",
         "dns_config": {"servers": ["1.1.1.1"]}, "port_mappings": [{"container_port": 80}],
         "linux": {"security_context": {"namespace_options": {"network": 2}}}}
        """,
        """
        {"metadata": {"name": "web", "namespace": "default", "uid": "1", "attempt": 2}, "logDirectory": "/logs",
         "dnsConfig": {"servers": ["1.1.1.1"]}, "portMappings": [{"containerPort": 80}],
         "linux": {"securityContext": {"namespaceOptions": {"network": "NODE"}}}}
        """,
        """
        metadata: {name: web, namespace: default, uid: "1", attempt: 2}
        log_directory: /logs
        dns_config:
          servers:
          - 1.1.1.1
        port_mappings:
        - container_port: 80
        linux:
          security_context:
            namespace_options:
              network: NODE
        """,
    ])
    func podsInAllForms(_ text: String) throws {
        let pod = try ConfigFile.pod(file(text))
        #expect(pod.metadata.name == "web" && pod.metadata.uid == "1" && pod.metadata.attempt == 2)
        #expect(pod.logDirectory == "/logs")
        #expect(pod.dnsConfig.servers == ["1.1.1.1"])
        #expect(pod.portMappings.map(\.containerPort) == [80])
        #expect(pod.linux.securityContext.namespaceOptions.network == .node)
    }

    @Test func containers() throws {
        let container = try ConfigFile.container(
            file(
                """
                {"metadata": {"name": "c"}, "image": {"image": "busybox"}, "command": ["sh"], "tty": true,
                 "envs": [{"key": "A", "value": "plain text"}, {"key": "B"}], "CDI_devices": [{"name": "a/b=c"}],
                 "mounts": [{"container_path": "/m", "host_path": "/h", "propagation": 1}],
                 "linux": {"security_context": {"run_as_user": {"value": 7}}}}
                """))
        #expect(container.envs.map { Array($0.value) } == [Array("plain text".utf8), []])
        #expect(container.cdiDevices.map(\.name) == ["a/b=c"])
        #expect(container.mounts.first?.propagation == .propagationHostToContainer)
        #expect(container.linux.securityContext.runAsUser.value == 7)
    }

    @Test func mistakesAreNamed() throws {
        #expect(
            try failure(#"{"metadata": {"name": "a"}, "lgo_directory": "x"}"#)
                == #"read "FILE": unknown key "lgo_directory""#)
        #expect(try failure("metadata: {name: a}\nlinux: {cgruop: x}\n") == #"read "FILE": unknown key "cgruop""#)
        #expect(try failure(#"{"metadata": }"#) == #"read "FILE": line 1, column 14: expected a value"#)
        #expect(try failure("[1]") == #"read "FILE": not a mapping"#)
        #expect(try failure("{}") == #"read pod config "FILE": "metadata.name" is missing"#)
        #expect(
            try failure(#"{"metadata": {"name": "a"}, "labels": 7}"#)?.hasPrefix(
                #"read "FILE": wrong value for key "labels""#) == true)
        #expect(try failure("a: [1\nb: 2") != nil)
        let error = #expect(throws: SystemError.self) { try ConfigFile.pod("/no/such/file") }
        #expect(error?.description == #"open "/no/such/file": no such file or directory"#)
    }

    @Test func settingsFile() throws {
        let path = try file("runtime-endpoint: unix:///a\nimage-endpoint: \"\"\ntimeout: 10\ndebug: true\n")
        let settings = try SettingsFile.load(path)
        #expect(settings.runtimeEndpoint == "unix:///a")
        #expect(settings.imageEndpoint == nil)
        #expect(settings.timeout == .seconds(10))
        #expect(settings.debug)
        let error = #expect(throws: CommandError.self) { try SettingsFile.load(file("runtime_endpoint: x")) }
        #expect(error?.description == "read settings \"\(path)\": unknown key \"runtime_endpoint\"")
    }

    @Test func settingsInTheirOrder() throws {
        let path = try file("runtime-endpoint: unix:///file\ntimeout: 10\n")
        var options = try GlobalOptions.parse(["--config", path])
        #expect(try Settings(options, environment: [:]).runtime.path == "/file")
        let environment = ["CONTAINER_RUNTIME_ENDPOINT": "unix:///environment", "CRI_CONFIG_FILE": "/none"]
        #expect(try Settings(options, environment: environment).runtime.path == "/environment")
        #expect(try Settings(options, environment: environment).timeout == .seconds(10))
        options = try GlobalOptions.parse([
            "--config", path, "--runtime-endpoint", "/option", "--request-timeout", "1s",
        ])
        let settings = try Settings(options, environment: environment)
        #expect(settings.runtime.path == "/option" && settings.image.path == "/option")
        #expect(settings.timeout == .seconds(1))
        #expect(throws: CommandError.self) { try Endpoint("tcp://x") }
    }
}

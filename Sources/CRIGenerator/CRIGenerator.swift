// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import PackagePlugin

/// Generates Swift messages, clients and servers from the .proto files of a target, with the system's `protoc`.
///
/// The plugin of grpc-swift-protobuf does the same, but compiles `protoc` and all of its C++ first, even when told to
/// use another one.
@main
struct CRIGenerator: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        guard let target = target as? any SourceModuleTarget else { return [] }
        let protoc = try compiler()
        let messages = try context.tool(named: "protoc-gen-swift").url
        let services = try context.tool(named: "protoc-gen-grpc-swift-2").url
        return target.sourceFiles(withSuffix: ".proto").flatMap { file in
            [
                generate(
                    file.url, of: target, with: protoc, plugin: messages, name: "swift", suffix: ".pb.swift",
                    options: [], to: context.pluginWorkDirectoryURL),
                generate(
                    file.url, of: target, with: protoc, plugin: services, name: "grpc-swift", suffix: ".grpc.swift",
                    options: ["Client=true", "Server=true"], to: context.pluginWorkDirectoryURL),
            ]
        }
    }

    /// The protobuf compiler: `PROTOC_PATH`, or the first one in `PATH`.
    private func compiler() throws -> URL {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["PROTOC_PATH"] { return URL(filePath: path) }
        for folder in (environment["PATH"] ?? "").split(separator: ":") {
            let path = "\(folder)/protoc"
            if FileManager.default.isExecutableFile(atPath: path) { return URL(filePath: path) }
        }
        throw MissingCompiler()
    }

    private func generate(
        _ file: URL, of target: any SourceModuleTarget, with protoc: URL, plugin: URL, name: String, suffix: String,
        options: [String], to output: URL
    ) -> Command {
        let root = target.directoryURL.path(percentEncoded: false)
        let relative = String(file.path(percentEncoded: false).dropFirst(root.count).drop { $0 == "/" })
        let outputName = relative.replacing("/", with: "_").dropLast(".proto".count) + suffix
        let all = ["Visibility=Package", "UseAccessLevelOnImports=true", "FileNaming=PathToUnderscores"] + options
        return .buildCommand(
            displayName: "Generating \(outputName)",
            executable: protoc,
            arguments: [
                "--plugin=protoc-gen-\(name)=\(plugin.path(percentEncoded: false))",
                "--\(name)_out=\(output.path(percentEncoded: false))",
                "--\(name)_opt=\(all.joined(separator: ","))",
                "--proto_path=\(root)",
                relative,
            ],
            inputFiles: [file, plugin],
            outputFiles: [output.appending(path: String(outputName))])
    }
}

struct MissingCompiler: Error, CustomStringConvertible {
    var description: String {
        #"find "protoc": neither in PROTOC_PATH nor in PATH (Debian: apt install protobuf-compiler)"#
    }
}

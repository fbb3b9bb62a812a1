// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import PackageDescription

// Every target but generated code and C is built with these.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
]

// Tests read C structures through the same wrappers, but need not mark each use.
let strictTests: [SwiftSetting] = Array(strict.dropLast())

// No dynamic section at all: nothing is loaded before `main`, and one file runs in any root.
let staticExecutable: ([SwiftSetting], [LinkerSetting]) = (
    [.unsafeFlags(["-static-executable"])], [.unsafeFlags(["-static-executable"])]
)

// The Swift runtime inside, Debian's C libraries outside. Packages bring the whole of Foundation, whose parts are named
// because the compiler names only the first of them.
let staticRuntime: ([SwiftSetting], [LinkerSetting]) = (
    [.unsafeFlags(["-static-stdlib"])],
    [
        // Nothing is loaded that looks for the program's symbols; their names would make it a tenth larger, also in memory.
        .unsafeFlags(["-static-stdlib", "-Xlinker", "--no-export-dynamic"]),
        .linkedLibrary("CoreFoundation"), .linkedLibrary("_FoundationICU"), .linkedLibrary("_FoundationCShims"),
        .linkedLibrary("_FoundationCollections"), .linkedLibrary("stdc++"),
    ]
)

// What runs before the C library has started: the program's protection of its own file.
let ownEntry: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "--entry=skiffrun_entry"])]

func floor(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(
    _ name: String, _ dependencies: [Target.Dependency], linking: ([SwiftSetting], [LinkerSetting])
) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, swiftSettings: strict + linking.0, linkerSettings: linking.1)
}

// A test runs once: to optimize it takes longer than that. What it tests is optimized.
let unoptimized: [SwiftSetting] = [.unsafeFlags(["-Onone"], .when(configuration: .release))]

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestSupport"], resources: resources,
        swiftSettings: strictTests + unoptimized)
}

func library(_ name: String, _ package: String) -> Target.Dependency { .product(name: name, package: package) }

// What generated messages need, and what services need too.
let messages: [Target.Dependency] = [library("SwiftProtobuf", "swift-protobuf")]
let services = [library("GRPCCore", "grpc-swift-2"), library("GRPCProtobuf", "grpc-swift-protobuf")] + messages

// Code that is generated at build time from the `.proto` files in its folder, and nothing else.
func generated(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(
        name: name, dependencies: dependencies, swiftSettings: [.swiftLanguageMode(.v6)], plugins: ["CRIGenerator"])
}

let package = Package(
    name: "skiff",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "skiffd", targets: ["skiffd"]),
        .executable(name: "skiffctl", targets: ["skiffctl"]),
        .executable(name: "skiffimg", targets: ["skiffimg"]),
        .executable(name: "skiffmon", targets: ["skiffmon"]),
        .executable(name: "skiffrun", targets: ["skiffrun"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.0"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.0"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        // Floor 0: C.
        .target(name: "CLinux"),
        .target(name: "CProtection"),
        .systemLibrary(name: "CSeccomp"),
        .systemLibrary(name: "CCompression", pkgConfig: "libisal"),
        .systemLibrary(name: "CXXHash"),
        .systemLibrary(name: "CZlib"),

        // Floor 1: vocabularies.
        floor("JSON"),
        floor("TOML", [library("TOMLKit", "TOMLKit")]),
        floor("StreamFraming", ["CZlib"]),
        floor("OCIRuntimeSpec"),
        floor("OCIImageSpec", [library("Crypto", "swift-crypto")]),
        generated("CRIAPI", services),
        generated("OTLPAPI", services),
        generated("NRIAPI", messages),
        .plugin(
            name: "CRIGenerator", capability: .buildTool(),
            dependencies: [
                library("protoc-gen-swift", "swift-protobuf"),
                library("protoc-gen-grpc-swift-2", "grpc-swift-protobuf"),
            ], path: "Sources/CRIGenerator"),

        // Floor 2: the kernel.
        floor("Linux", ["CLinux"]),

        // Floor 3: one subject each.
        floor("Cgroups", ["Linux", "OCIRuntimeSpec"]),
        floor("Confinement", ["Linux", "OCIRuntimeSpec", "CSeccomp"]),
        floor("Archive", ["Linux", "CLinux", "CCompression", "CXXHash"]),
        floor(
            "Registry",
            [
                "OCIImageSpec", library("AsyncHTTPClient", "async-http-client"), library("NIOCore", "swift-nio"),
                library("NIOHTTP1", "swift-nio"), library("NIOPosix", "swift-nio"), library("NIOSSL", "swift-nio-ssl"),
            ]),
        floor(
            "RegistryConfiguration", ["Linux", "OCIImageSpec", "TOML", library("Yams", "Yams")]),
        floor(
            "ImagePolicy",
            [
                "JSON", "Linux", "OCIImageSpec", library("Crypto", "swift-crypto"),
                library("CryptoExtras", "swift-crypto"),
            ]),
        floor("CNI", ["Linux"]),
        // Not "Tracing": swift-distributed-tracing, which async-http-client brings, has a target of that name.
        floor("Traces", ["Linux"]),
        floor("MonitorProtocol", ["Linux"]),
        floor(
            "Streaming",
            [
                "Linux", "StreamFraming", library("Crypto", "swift-crypto"), library("NIOCore", "swift-nio"),
                library("NIOHTTP1", "swift-nio"), library("NIOPosix", "swift-nio"), library("NIOSSL", "swift-nio-ssl"),
            ]),
        floor(
            "NRI",
            ["Linux", "NRIAPI", "OCIRuntimeSpec", "StreamFraming", library("SwiftProtobuf", "swift-protobuf")]),
        // Not "Configuration": swift-configuration, which async-http-client brings, has a target of that name.
        floor("EngineConfiguration", ["Linux", "TOML"]),

        // Floor 4: the engines.
        floor("ContainerRuntime", ["Linux", "JSON", "OCIRuntimeSpec", "Cgroups", "Confinement"]),
        floor("PodMonitor", ["Linux", "CLinux", "MonitorProtocol", "ContainerRuntime"]),
        floor(
            "ImageStore",
            [
                "Linux", "CLinux", "OCIImageSpec", "Archive", "Traces", library("GRDB", "GRDB.swift"),
            ]),
        floor(
            "ImageSources",
            ["Linux", "OCIImageSpec", "Registry", "RegistryConfiguration", "ImagePolicy", "EngineConfiguration"]),

        floor(
            "TraceExport",
            [
                "Traces", "OTLPAPI", library("GRPCCore", "grpc-swift-2"), library("SwiftProtobuf", "swift-protobuf"),
                library("GRPCNIOTransportHTTP2", "grpc-swift-nio-transport"),
            ]),

        // Floor 5: the service.
        floor(
            "CRIService",
            [
                "CRIAPI", "NRIAPI", "Linux", "OCIRuntimeSpec", "OCIImageSpec", "Archive", "Cgroups", "Confinement",
                "Registry", "CNI", "MonitorProtocol", "EngineConfiguration", "ImagePolicy", "ImageSources",
                "ImageStore", "NRI", "RegistryConfiguration", "Streaming", "Traces",
                library("GRPCCore", "grpc-swift-2"), library("SwiftProtobuf", "swift-protobuf"),
                library("GRDB", "GRDB.swift"),
                library("Logging", "swift-log"), library("Yams", "Yams"),
            ]),

        // Floor 6: programs. The commands of skiffctl are a library, so that tests can link them without its link flags.
        floor(
            "SkiffctlCommands",
            [
                "CRIAPI", "EngineConfiguration", "Linux", "Streaming", "TraceExport", "Traces",
                library("ArgumentParser", "swift-argument-parser"),
                library("GRPCCore", "grpc-swift-2"), library("SwiftProtobuf", "swift-protobuf"),
                library("GRPCNIOTransportHTTP2", "grpc-swift-nio-transport"), library("Yams", "Yams"),
            ]),
        program(
            "skiffrun", ["Linux", "OCIRuntimeSpec", "ContainerRuntime", "CProtection"],
            linking: (staticExecutable.0, staticExecutable.1 + ownEntry)),
        program(
            "skiffmon", ["Linux", "PodMonitor", "ContainerRuntime"], linking: staticExecutable),
        program(
            "skiffimg",
            [
                "Linux", "OCIImageSpec", "ImageStore", "ImageSources", "Registry", "EngineConfiguration",
                library("ArgumentParser", "swift-argument-parser"),
            ], linking: staticRuntime),
        program("skiffctl", ["SkiffctlCommands"], linking: staticRuntime),
        program(
            "skiffd",
            [
                "CRIService", "Linux", "EngineConfiguration", "Streaming", "TraceExport", "Traces",
                library("ArgumentParser", "swift-argument-parser"),
                library("GRPCCore", "grpc-swift-2"), library("Logging", "swift-log"),
                library("GRPCNIOTransportHTTP2", "grpc-swift-nio-transport"), library("NIOCore", "swift-nio"),
                library("NIOPosix", "swift-nio"),
            ], linking: staticRuntime),
        // All five in one build: one after the other, each would have Swift make its generators anew.
        .target(name: "Programs", dependencies: ["skiffd", "skiffctl", "skiffimg", "skiffmon", "skiffrun"]),

        // Tests.
        .target(name: "TestSupport", dependencies: ["Linux"], path: "Tests/TestSupport", swiftSettings: strictTests),
        tests("LinuxTests", ["Linux"]),
        tests("JSONTests", ["JSON"]),
        tests("OCIRuntimeSpecTests", ["OCIRuntimeSpec"], resources: [.copy("Fixtures")]),
        tests("OCIImageSpecTests", ["OCIImageSpec"]),
        tests("CgroupsTests", ["Cgroups", "Linux", "OCIRuntimeSpec"]),
        tests("ConfinementTests", ["Confinement", "Linux", "OCIRuntimeSpec"]),
        tests("ArchiveTests", ["Archive", "Linux"]),
        tests(
            "RegistryTests",
            [
                "Registry", "OCIImageSpec", "Linux", library("NIOCore", "swift-nio"),
                library("NIOHTTP1", "swift-nio"), library("NIOPosix", "swift-nio"), library("NIOSSL", "swift-nio-ssl"),
            ]),
        tests("RegistryConfigurationTests", ["RegistryConfiguration", "OCIImageSpec", "Linux"]),
        tests("ImagePolicyTests", ["ImagePolicy", "OCIImageSpec", "Linux"]),
        tests(
            "ImageSourcesTests",
            ["ImageSources", "ImagePolicy", "Registry", "OCIImageSpec", "EngineConfiguration", "Linux"]),
        tests("CNITests", ["CNI", "Linux"]),
        tests("TracesTests", ["Traces", "TraceExport"]),
        tests("MonitorProtocolTests", ["MonitorProtocol", "Linux"]),
        tests("StreamFramingTests", ["StreamFraming"]),
        tests(
            "StreamingTests",
            [
                "Streaming", "StreamFraming", "Linux", library("NIOCore", "swift-nio"),
                library("NIOPosix", "swift-nio"), library("NIOEmbedded", "swift-nio"),
            ]),
        tests("NRITests", ["NRI", "NRIAPI", "OCIRuntimeSpec", "Linux", library("SwiftProtobuf", "swift-protobuf")]),
        tests("EngineConfigurationTests", ["EngineConfiguration", "Linux"]),
        tests("ContainerRuntimeTests", ["ContainerRuntime", "Cgroups", "Confinement", "OCIRuntimeSpec", "Linux"]),
        tests("PodMonitorTests", ["PodMonitor", "MonitorProtocol", "Linux"]),
        tests("ImageStoreTests", ["ImageStore", "OCIImageSpec", "Archive", "Linux"]),
        tests(
            "CRIServiceTests",
            [
                "CRIService", "CRIAPI", "Cgroups", "CNI", "Linux", "MonitorProtocol", "OCIRuntimeSpec", "OCIImageSpec",
                library("GRPCCore", "grpc-swift-2"), library("SwiftProtobuf", "swift-protobuf"),
                library("Logging", "swift-log"),
            ], resources: [.copy("Fixtures")]),
        tests(
            "SkiffctlTests",
            [
                "SkiffctlCommands", "CRIAPI", "Linux", library("ArgumentParser", "swift-argument-parser"),
                library("GRPCCore", "grpc-swift-2"), library("SwiftProtobuf", "swift-protobuf"),
            ]),
        // Entries for `hack/fuzz`, which builds Driver with them; here they take what it found.
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "Archive", "ContainerRuntime", "Confinement", "MonitorProtocol", "OCIRuntimeSpec", "StreamFraming",
                "Linux",
            ],
            exclude: ["Driver", "corpus", "words.dict"], swiftSettings: strictTests),
        // The programs, tested as programs: they are run from the folder that holds the test bundle.
        tests("ProgramTests", ["Linux", "MonitorProtocol"]),
    ])

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Confinement
import Foundation
import OCIRuntimeSpec
import Testing

@testable import Cgroups
@testable import ContainerRuntime

/// No property of the specification is ignored in silence. Every path of its schema either changes what is planned when
/// it is taken out of a configuration that has it, or is refused by its name when it is put in, or belongs to another
/// system. What plans are worth is proved elsewhere; here it shows when a property has nobody who reads it.
@Suite("Every property") struct PropertyCoverageTests {
    /// Properties that are not in `PropertyCorpus.configuration`, with a value: they exclude others, or are refused.
    static let additions: [(path: String, value: any Sendable)] = [
        ("process.scheduler.nice", 5), ("process.scheduler.runtime", 5000), ("process.scheduler.deadline", 5000),
        ("process.scheduler.period", 5000), ("linux.personality.flags", ["X"]),
        ("linux.resources.memory.kernel", 5), ("linux.resources.memory.kernelTCP", 5),
        ("linux.resources.memory.useHierarchy", false), ("linux.resources.memory.checkBeforeUpdate", true),
    ]

    /// What the schema lists for Windows among the properties of all systems: "runtimes MUST ignore unknown
    /// properties", and on Linux these are.
    static let ofOtherSystems: Set<String> = ["process.commandLine", "process.user.username"]

    @Test func theListIsComplete() { #expect(PropertyCorpus.paths.count == 220) }

    @Test func theConfigurationIsGood() throws {
        let outcome = try Self.outcome(PropertyCorpus.configuration())
        #expect(!outcome.text.contains("refused:"), "\(outcome.text)")
    }

    @Test(arguments: PropertyCorpus.paths)
    func propertyMatters(_ path: String) throws {
        if Self.ofOtherSystems.contains(path) { return }
        var configuration = try PropertyCorpus.configuration()
        let before = try Self.outcome(configuration)
        let keys = path.split(separator: ".").map(String.init)[...]
        if let addition = Self.additions.first(where: { $0.path == path }) {
            configuration = PropertyCorpus.setting(addition.value, keys, in: configuration)
            let after = try Self.outcome(configuration)
            #expect(after != before, "\(path) is ignored")
        } else {
            try #require(PropertyCorpus.value(keys, in: configuration) != nil, "the configuration lacks \(path)")
            configuration = PropertyCorpus.setting(nil, keys, in: configuration)
            #expect(try Self.outcome(configuration) != before, "\(path) is ignored")
        }
    }

    @Test(arguments: ["process.scheduler.nice", "linux.personality.flags", "linux.resources.memory.kernel"])
    func refusalsNameTheProperty(_ path: String) throws {
        let addition = try #require(Self.additions.first { $0.path == path })
        let keys = path.split(separator: ".").map(String.init)[...]
        let outcome = try Self.outcome(PropertyCorpus.setting(addition.value, keys, in: PropertyCorpus.configuration()))
        let name = try #require(keys.dropLast().last)
        #expect(outcome.text.contains("refused:") && outcome.text.contains(name), "\(outcome.text)")
    }

    /// "Extensibility" of config.md: what nobody knows is no error.
    @Test func unknownPropertiesAreIgnored() throws {
        var configuration = try PropertyCorpus.configuration()
        let before = try Self.outcome(configuration)
        for keys in [["future"], ["process", "future"], ["linux", "resources", "future"]] {
            configuration = PropertyCorpus.setting(["x": 1], keys[...], in: configuration)
        }
        #expect(try Self.outcome(configuration) == before)
    }

    /// All that follows from a configuration: the plan, the writes to cgroups of both kinds, the filter.
    struct Outcome: Equatable {
        var plan: ContainerPlan?
        var filter: SeccompFilter?
        /// Writes, or why there is nothing of all this.
        var text: String
    }

    static func outcome(_ configuration: [String: Any]) throws -> Outcome {
        let bytes = Array(try JSONSerialization.data(withJSONObject: configuration))
        do {
            let spec = try BundleConfiguration.parse(bytes, "config.json")
            var plan = try ContainerPlan(spec: spec, bundle: "/bundle", host: HostFacts(appArmor: true, seLinux: true))
            let text = "\(writes(legacy: plan.resources)) \(writes(unified: plan.resources))"
            var filter: SeccompFilter?
            if case .rules(let rules) = plan.seccomp?.source { filter = try SeccompFilter(rules) }
            // What is only handed on does not count: it is compiled, or turned into writes, above.
            plan.resources = LinuxResources()
            plan.seccomp?.source = .program([])
            return Outcome(plan: plan, filter: filter, text: text)
        } catch {
            return Outcome(text: "refused: \(error)")
        }
    }

    private static func writes(legacy resources: LinuxResources) -> String {
        var resources = resources
        resources.unified = nil
        do {
            try UnenforceableLimits.refuse(resources, unified: false)
            let view = CgroupView(["memory.usage_in_bytes": "1000000000000"])
            return try CgroupControllers.legacy.flatMap { try $0.legacyPlan(resources, view) }
                .map { "\($0.file)=\($0.value)" }.joined(separator: " ")
        } catch {
            return "refused: \(error)"
        }
    }

    private static func writes(unified resources: LinuxResources) -> String {
        var resources = resources
        resources.memory?.swappiness = nil
        resources.memory?.disableOOMKiller = nil
        resources.cpu?.realtimeRuntime = nil
        resources.cpu?.realtimePeriod = nil
        resources.blockIO?.leafWeight = nil
        resources.blockIO?.weightDevice?[0].leafWeight = nil
        do {
            try UnenforceableLimits.refuse(resources, unified: true)
            let writes = try CgroupControllers.unified.flatMap { try $0.unifiedPlan(resources, CgroupView()) }
            return try (writes + UnifiedResources.plan(resources)).map { "\($0.file)=\($0.value)" }
                .joined(separator: " ")
        } catch {
            return "refused: \(error)"
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import SwiftProtobuf

/// A metric by name: what it means, its labels beside those that all have, and how it is read. Descriptors and values
/// come from the same row, so that the order of labels is one.
struct MetricFamily: Sendable {
    /// One value with the labels of its own.
    struct Sample: Sendable {
        var value: UInt64
        var labels: [String] = []
    }

    var name: String
    var help: String
    var type: Runtime_V1_MetricType
    var labels: [String] = []
    var read: @Sendable (MetricSource) -> [Sample]

    /// Labels of every metric, those that cAdvisor's have.
    static let commonLabels = ["id", "name", "image", "container", "namespace", "pod"]

    var descriptor: Runtime_V1_MetricDescriptor {
        .with {
            $0.name = name
            $0.help = help
            $0.labelKeys = Self.commonLabels + labels
        }
    }

    /// The values of one source; `common` are those of the common labels.
    func metrics(_ source: MetricSource, common: [String]) -> [Runtime_V1_Metric] {
        read(source).map { sample in
            .with {
                $0.name = name
                $0.timestamp = source.time
                $0.metricType = type
                $0.labelValues = common + sample.labels
                $0.value.value = sample.value
            }
        }
    }

    /// One number, or none where the host does not count it.
    static func counter(
        _ name: String, _ help: String, _ read: @escaping @Sendable (MetricSource) -> UInt64?
    ) -> MetricFamily {
        MetricFamily(name: name, help: help, type: .counter) { source in read(source).map { [Sample(value: $0)] } ?? []
        }
    }

    static func gauge(
        _ name: String, _ help: String, _ read: @escaping @Sendable (MetricSource) -> UInt64?
    ) -> MetricFamily {
        MetricFamily(name: name, help: help, type: .gauge) { source in read(source).map { [Sample(value: $0)] } ?? [] }
    }

    /// All families, in the order of their descriptors.
    static let all = usage + memory + disk + network + processes + specification + pressure

    /// Those of the groups.
    static func members(of groups: [String]) -> [MetricFamily] {
        all.filter { family in family.group.map(groups.contains) ?? true }
    }

    /// The group as CRI-O calls it; nil for what is always told.
    var group: String? {
        let words = name.split(separator: "_").dropFirst()
        switch words.first {
        case "last": return nil
        case "cpu", "hugetlb", "memory", "network", "oom", "pressure", "spec": return words.first.map(String.init)
        case "start": return "spec"
        case "blkio": return "diskIO"
        case "fs": return words.contains { $0 == "reads" || $0 == "writes" } ? "diskIO" : "disk"
        default: return "process"
        }
    }
}

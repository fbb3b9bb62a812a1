// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import SwiftProtobuf

/// Whose statistics a command prints: its own options, how it asks, and how it shows what it got.
protocol StatsSubject: ParsableArguments {
    associatedtype Item: Message

    static var configuration: CommandConfiguration { get }
    static var columns: [String] { get }
    static var shape: JSON { get }

    /// Those of the object whose id the text begins, or of all; with all the labels.
    func find(_ text: String?, labels: [String: String], _ engine: Engine) async throws -> [Item]
    static func id(_ item: Item) -> String
    static func name(_ item: Item) -> String
    static func cpu(_ item: Item) -> Runtime_V1_CpuUsage
    /// The cells of its row.
    static func row(_ item: Item, cpu: String) -> [String]
}

/// `stats` and `statsp`: what containers or pods use, once or again and again.
struct Stats<Subject: StatsSubject>: EngineCommand {
    static var configuration: CommandConfiguration { Subject.configuration }

    @OptionGroup var subject: Subject
    @Option(help: "Only the one with this id.")
    var id: String?
    @Option(help: "Only those with this label, key=value; may be repeated.")
    var label: [String] = []
    @Option(help: "Only those whose name matches this regular expression.")
    var name: String?
    @Option(name: .shortAndLong, help: "Seconds over which the use of CPU is measured.")
    var seconds: Int64 = 1
    @Flag(name: .shortAndLong, help: "Print again and again, until interrupted.")
    var watch = false
    @Option(name: .shortAndLong, help: "Form of the output: table, json or yaml.")
    var output = OutputFormat.table
    @Argument(help: "An id, or its beginning.")
    var object: String?
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if seconds < 1 { throw ValidationError("The time must be at least a second.") }
        if id != nil, object != nil { throw ValidationError("Give either --id or an id.") }
    }

    func run(_ engine: Engine) async throws {
        let labels = try ListFilter.labels(label)
        let matches = try ListFilter.pattern(name)
        var before = output == .table ? try await subject.find(id ?? object, labels: labels, engine) : []
        repeat {
            if output == .table || watch { try await Task.sleep(for: .seconds(seconds)) }
            let found = try await subject.find(id ?? object, labels: labels, engine)
            let now = found.filter { matches(Subject.name($0)) }.sorted { Subject.id($0) < Subject.id($1) }
            if watch, output == .table { try Console.clearTerminal() }
            try print(now, before)
            before = now
        } while watch
    }

    private func print(_ stats: [Subject.Item], _ before: [Subject.Item]) throws {
        if output != .table {
            let items = try stats.map { try ProtoJSON.value($0, shape: Subject.shape) }
            return try output.print(.object(["stats": .array(items)]))
        }
        let earlier = Dictionary(before.map { (Subject.id($0), Subject.cpu($0)) }) { first, _ in first }
        var table = Table(Subject.columns)
        for item in stats {
            let cpu = CPUShare.text(Subject.cpu(item), since: earlier[Subject.id(item)])
            table.append(Subject.row(item, cpu: cpu))
        }
        try table.print()
    }
}

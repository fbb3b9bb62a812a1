// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import SwiftProtobuf

struct Logs: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "logs", abstract: "Print the output of a container.")

    @Flag(name: .shortAndLong, help: "Go on until the container ends.")
    var follow = false
    @Option(parsing: .unconditional, help: "Only so many lines at the end; -1 is all.")
    var tail = -1
    @Option(
        help: "Only lines since a time (RFC 3339, UTC without a zone; seconds since 1970), or since so long ago (10m)."
    )
    var since: String?
    @Flag(name: .shortAndLong, help: "Print the time of each line.")
    var timestamps = false
    @Option(parsing: .unconditional, help: "Print no more than so many bytes; -1 is all.")
    var limitBytes = -1
    @Flag(name: .shortAndLong, help: "The output of the container of the same name that was there before.")
    var previous = false
    @Flag(name: .shortAndLong, help: "Have the container go on in a new log file first.")
    var reopen = false
    @Option(name: .shortAndLong, help: "Only this stream: stdout or stderr.")
    var stream: LogRecord.Stream?
    @Argument(help: "Id of the container, or its beginning.")
    var container: String
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if stream != nil, tail >= 0 { throw ValidationError("Give either --tail or --stream.") }
        if previous, follow || reopen { throw ValidationError("With --previous there is nothing to come.") }
        _ = try oldest()
    }

    func run(_ engine: Engine) async throws {
        let id = try await engine.container(container, for: "read logs of").id
        if reopen { try await engine.reopenLog(of: id) }
        let status = try await engine.status(ofContainer: id).status
        guard !status.logPath.isEmpty else {
            throw CommandError("read logs of container", id, "it has no log")
        }
        var file = try LogFile(previous ? try Self.previousPath(status) : status.logPath)
        var printer = LogPrinter(
            since: try oldest(), timestamps: timestamps, limit: limitBytes < 0 ? nil : limitBytes, stream: stream)
        try printExisting(&file, &printer)
        guard follow else { return }
        // Asked before the last read, so that nothing of a container that has ended stays unread.
        while !printer.isExhausted {
            let runs = try await isRunning(id, engine)
            repeat { try printLines(&file, &printer) } while try file.advance()
            if !runs { return }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Kubelet names logs by attempts: `0.log`, `1.log`.
    static func previousPath(_ status: Runtime_V1_ContainerStatus) throws -> String {
        let attempt = status.metadata.attempt
        guard attempt > 0 else {
            throw CommandError("read logs of container", status.id, "it is the first of its name")
        }
        let folder = status.logPath.prefix(through: status.logPath.lastIndex(of: "/") ?? status.logPath.startIndex)
        let name = status.logPath.dropFirst(folder.count)
        return folder + String(attempt - 1) + (name.lastIndex(of: ".").map { name[$0...] } ?? "")
    }

    /// All there is now, or the last lines of it.
    private func printExisting(_ file: inout LogFile, _ printer: inout LogPrinter) throws {
        guard tail >= 0 else { return try printLines(&file, &printer) }
        var last: [ArraySlice<UInt8>] = []
        while let lines = try file.lines() {
            last += lines
            if last.count > 2 * tail { last.removeFirst(last.count - tail) }
        }
        for line in last.suffix(tail) { try output(line, &printer) }
    }

    private func printLines(_ file: inout LogFile, _ printer: inout LogPrinter) throws {
        while !printer.isExhausted, let lines = try file.lines() {
            for line in lines { try output(line, &printer) }
        }
    }

    private func output(_ line: ArraySlice<UInt8>, _ printer: inout LogPrinter) throws {
        guard let chunk = printer.take(line) else { return }
        try Console.write(chunk.bytes, to: chunk.stream == .stdout ? 1 : 2)
    }

    private func isRunning(_ id: String, _ engine: Engine) async throws -> Bool {
        let containers = try await engine.containers(.with { $0.id = id })
        return containers.contains { $0.state == .containerRunning || $0.state == .containerCreated }
    }

    private func oldest() throws -> Int64 {
        guard let since else { return .min }
        guard let time = Clock.moment(since, now: Clock.now) else {
            throw ValidationError("neither a time nor a length of time: \"\(since)\"")
        }
        return time
    }
}

extension LogRecord.Stream: ExpressibleByArgument {}

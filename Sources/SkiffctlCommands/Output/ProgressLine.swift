// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux

/// What a person reads who waits.
protocol ProgressMeter: Sendable {
    /// What is being done, and how far it is; asked for each frame of the line.
    mutating func text(_ frame: Int) async -> String
}

/// What is being done, where nobody tells how far it is.
struct WorkMeter: ProgressMeter {
    let work: String

    func text(_ frame: Int) -> String { work }
}

/// A line on the terminal that moves while a person waits.
enum ProgressLine {
    private static let frames: [Character] = ["|", "/", "-", "\\"]
    /// What is done sooner has no line.
    private static let delay = Duration.milliseconds(500)

    /// Runs the body; draws meanwhile, if standard error is a terminal, and clears the line in the end.
    static func show<Value: Sendable>(
        _ meter: any ProgressMeter, during body: () async throws -> Value
    ) async throws -> Value {
        guard Terminal.isTerminal(2) else { return try await body() }
        let line = Task { await draw(meter) }
        let result = await Result.of(body)
        line.cancel()
        await line.value
        return try result.get()
    }

    /// Until the task is cancelled.
    private static func draw(_ meter: any ProgressMeter) async {
        var meter = meter
        let start = ContinuousClock.now
        guard (try? await Task.sleep(for: delay)) != nil else { return }
        var frame = 0
        while !Task.isCancelled {
            let text = await meter.text(frame)
            write("\r\u{1B}[K" + line(frame, text, (ContinuousClock.now - start).components.seconds))
            frame += 1
            // The loop looks whether it is cancelled.
            try? await Task.sleep(for: .milliseconds(100))
        }
        write("\r\u{1B}[K")
    }

    static func line(_ frame: Int, _ text: String, _ seconds: Int64) -> String {
        "\(frames[frame % frames.count]) \(text)  \(seconds)s"
    }

    /// A terminal that has gone away is no reason to fail.
    private static func write(_ text: String) { try? Console.write(Array(text.utf8), to: 2) }
}

extension Result where Failure == any Error {
    fileprivate static func of(_ body: () async throws -> Success) async -> Self {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
}

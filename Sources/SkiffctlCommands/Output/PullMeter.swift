// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI

/// A line on the terminal that moves while an image is pulled. The interface does not tell how far a pull is, but by how
/// much the space used by images grows.
struct PullMeter {
    private static let frames: [Character] = ["|", "/", "-", "\\"]

    private let image: String
    private let engine: Engine

    init(_ image: String, _ engine: Engine) {
        self.image = image
        self.engine = engine
    }

    /// Draws until the task is cancelled, then clears the line.
    func run() async {
        let start = ContinuousClock.now
        let before = await usedBytes()
        var grown: UInt64 = 0
        var frame = 0
        while !Task.isCancelled {
            // Space is measured twice a second, the line moves ten times.
            if frame % 5 == 0, let before, let now = await usedBytes(), now > before {
                grown = max(grown, now - before)
            }
            let line = Self.line(image, frame, grown, (ContinuousClock.now - start).components.seconds)
            draw("\r\u{1B}[K" + line)
            frame += 1
            try? await Task.sleep(for: .milliseconds(100))
        }
        draw("\r\u{1B}[K")
    }

    static func line(_ image: String, _ frame: Int, _ bytes: UInt64, _ seconds: Int64) -> String {
        let size = bytes == 0 ? "" : "  " + HumanUnits.size(bytes)
        return "\(frames[frame % frames.count]) pulling \(image)\(size)  \(seconds)s"
    }

    /// Nil where the engine does not tell: then only time is shown.
    private func usedBytes() async -> UInt64? {
        let response = try? await engine.call("measure images") {
            try await engine.images.imageFsInfo(Runtime_V1_ImageFsInfoRequest(), options: $0)
        }
        return response?.imageFilesystems.reduce(0) { $0 + $1.usedBytes.value }
    }

    /// A terminal that has gone away is no reason to fail a pull.
    private func draw(_ text: String) { try? Console.write(Array(text.utf8), to: 2) }
}

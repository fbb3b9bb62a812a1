// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI

/// How far a pull is. The interface does not tell, but by how much the space used by images grows.
struct PullMeter: ProgressMeter {
    let image: String
    let engine: Engine
    private var before: UInt64?
    private var grown: UInt64 = 0

    init(_ image: String, _ engine: Engine) {
        self.image = image
        self.engine = engine
    }

    mutating func text(_ frame: Int) async -> String {
        // Space is measured twice a second, the line moves ten times.
        if frame % 5 == 0, let now = await usedBytes() {
            let start = before ?? now
            before = start
            grown = max(grown, now - min(now, start))
        }
        return Self.text(image, grown)
    }

    static func text(_ image: String, _ bytes: UInt64) -> String {
        "pulling \(image)" + (bytes == 0 ? "" : "  " + HumanUnits.size(bytes))
    }

    /// Nil where the engine does not tell: then only time is shown.
    private func usedBytes() async -> UInt64? {
        let response = try? await engine.call("measure images") {
            try await engine.images.imageFsInfo(Runtime_V1_ImageFsInfoRequest(), options: $0)
        }
        return response?.imageFilesystems.reduce(0) { $0 + $1.usedBytes.value }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime

/// `features`: what the runtime supports, as JSON.
enum FeaturesCommand {
    static let command = Command(
        name: "features", summary: "print what this runtime supports, as JSON", words: [],
        run: { _ in
            Skiffrun.print(String(decoding: JSONText.encode(RuntimeFeatures.all, pretty: true), as: UTF8.self))
            return 0
        })
}

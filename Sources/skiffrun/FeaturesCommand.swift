// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime

/// `features`: what the runtime supports, as JSON.
enum FeaturesCommand {
    static func run(_ invocation: Invocation) throws -> Int32 {
        try requireEnd(invocation.arguments)
        Skiffrun.print(String(decoding: JSONText.encode(RuntimeFeatures.all, pretty: true), as: UTF8.self))
        return 0
    }
}

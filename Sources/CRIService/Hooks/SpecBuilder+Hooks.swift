// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import OCIRuntimeSpec

extension SpecBuilder {
    /// The machine's hooks that apply to this container.
    mutating func setHooks() throws(ServiceError) {
        let command = process.args?.first ?? ""
        let annotations = input.pod.annotations.merging(input.container.annotations) { $1 }
        let hasBindMounts = !input.mounts.isEmpty
        for definition in input.hooks {
            let applies: Bool
            do {
                applies = try definition.applies(
                    command: command, annotations: annotations, hasBindMounts: hasBindMounts)
            } catch {
                throw ServiceError(.invalid, "use hook", definition.hook.path, "a condition is no regular expression")
            }
            guard applies else { continue }
            for stage in definition.stages { addHook(definition.hook, at: stage) }
        }
    }
}

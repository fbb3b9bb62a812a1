// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI

/// The CDI devices that a container asks for.
enum CDIRequest {
    /// Those of the field, and those of annotations `cdi.k8s.io/...`, whose values are names with commas between them.
    static func names(_ config: CRI.ContainerConfig) -> [String] {
        let annotated = config.annotations.filter { $0.key.hasPrefix("cdi.k8s.io/") }.sorted { $0.key < $1.key }
        return config.cdiDevices.map(\.name)
            + annotated.flatMap { $0.value.split(separator: ",").map { String($0.filter { $0 != " " }) } }
    }
}

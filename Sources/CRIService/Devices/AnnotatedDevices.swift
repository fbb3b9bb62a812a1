// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import EngineConfiguration

/// Devices that a pod's author asks for by an annotation, where the handler allows it and the administrator the device.
package enum AnnotatedDevices {
    /// The names that CRI-O gives it, the newer one first.
    private static let annotations = ["devices.crio.io", "io.kubernetes.cri-o.Devices"]

    /// Those of the first annotation that `rules` allow: `/dev/fuse,/dev/a:/dev/b:rw`. Throws for one that is not among
    /// `devices`, paths on the host.
    package static func find(
        _ annotations: [String: String], rules: [String], devices: [String]
    ) throws(ServiceError) -> [ConfiguredDevice] {
        guard let (name, text) = AnnotationRules.find(Self.annotations, in: annotations, rules) else { return [] }
        return try text.split(separator: ",").map { part throws(ServiceError) in
            guard let device = ConfiguredDevice(part.filter { $0 != " " }) else {
                throw ServiceError(.invalid, "read annotation", name, "\"\(part)\" is no device")
            }
            guard devices.contains(device.hostPath) else {
                throw ServiceError(
                    .invalid, "use device", device.hostPath,
                    "it is not among runtime.allowed_devices, which \(name) needs")
            }
            return device
        }
    }
}

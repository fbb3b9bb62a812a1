// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The size of a pod's /dev/shm, which its author can set with an annotation where the handler allows that.
enum ShmSize {
    /// The names that CRI-O gives it, the newer one first.
    static let annotations = ["shm-size.crio.io", "io.kubernetes.cri-o.ShmSize"]

    /// Bytes as mount(8) takes them; nil when the annotations say nothing that is allowed.
    static func find(_ annotations: [String: String], allowed: [String]) throws(ServiceError) -> String? {
        guard let (_, text) = AnnotationRules.find(Self.annotations, in: annotations, allowed) else { return nil }
        guard let bytes = bytes(text), bytes > 0 else {
            throw ServiceError(.invalid, "set size of /dev/shm", text, "not a size such as 64Mi or 1G")
        }
        return String(bytes)
    }

    /// A quantity of Kubernetes without a fraction.
    static func bytes(_ text: String) -> UInt64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits) else { return nil }
        let factors: [String: UInt64] = [
            "": 1, "k": 1000, "m": 1 << 20, "M": 1_000_000, "g": 1 << 30, "G": 1_000_000_000, "Ki": 1 << 10,
            "Mi": 1 << 20, "Gi": 1 << 30,
        ]
        guard let factor = factors[String(text.dropFirst(digits.count))] else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }
}

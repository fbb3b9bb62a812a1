// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// How annotations name the class of something that the administrator has divided into classes.
struct ClassAnnotation {
    /// Of a container.
    var container: String
    /// Of a pod: `POD/pod` for all its containers, `POD/container.NAME` for one.
    var pod: String

    /// Groups of resctrl.
    static let caches = ClassAnnotation(
        container: "io.kubernetes.cri.rdt-class", pod: "rdt.resources.beta.kubernetes.io")
    /// Classes of block I/O.
    static let blockIO = ClassAnnotation(
        container: "io.kubernetes.cri.blockio-class", pod: "blockio.resources.beta.kubernetes.io")

    /// The annotation that counts, with the class; nil where none is asked for. What is said of one container goes before what
    /// is said of its pod. It is an error where the rules do not allow to ask: the container would be slower or faster than
    /// its author thinks.
    func find(
        container name: String, _ annotations: [String: String], pod podAnnotations: [String: String], rules: [String]
    ) throws(ServiceError) -> (key: String, name: String)? {
        let places = [
            (container, annotations), ("\(pod)/container.\(name)", podAnnotations), ("\(pod)/pod", podAnnotations),
        ]
        guard let (key, values) = places.first(where: { $0.1[$0.0] != nil }), let name = values[key] else {
            return nil
        }
        guard AnnotationRules.allow(key, rules) else {
            throw ServiceError(.invalid, "obey annotation", key, "it is not among the handler's allowed_annotations")
        }
        return (key, name)
    }
}

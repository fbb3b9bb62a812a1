// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import SwiftProtobuf

/// The users of a pod whose author asks for a user namespace by an annotation, in the words that CRI-O has for it:
/// `private:uidmapping=0:100000:65536;gidmapping=0:100000:65536`. One of the two stands for both.
enum UserNamespaceAnnotation {
    private static let names = ["userns-mode.crio.io", "io.kubernetes.cri-o.userns-mode"]
    /// Ids below belong to people and programs of the machine: only who speaks for the node may give them to pods.
    private static let leastHostID: UInt32 = 65536

    /// The request with what its annotation asks for, if the rules allow that. A request that speaks of user namespaces itself
    /// stays as it is.
    static func obeyed(in config: CRI.PodConfig, _ rules: [String]) throws(ServiceError) -> CRI.PodConfig {
        guard !config.linux.securityContext.namespaceOptions.hasUsernsOptions,
            let (name, text) = AnnotationRules.find(names, in: config.annotations, rules)
        else { return config }
        let mappings = try mappings(text, name)
        let pidMode = config.linux.securityContext.pidMode
        var config = config
        config.linux.securityContext.namespaceOptions.pid = pidMode
        config.linux.securityContext.namespaceOptions.usernsOptions = .with {
            $0.mode = .pod
            $0.uids = [mappings.users]
            $0.gids = [mappings.groups]
        }
        return config
    }

    private typealias Mapping = Runtime_V1_IDMapping

    private static func mappings(
        _ text: String, _ name: String
    ) throws(ServiceError) -> (users: Mapping, groups: Mapping) {
        func refuse(_ cause: String) -> ServiceError { ServiceError(.invalid, "obey annotation", name, cause) }
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.first == "private" else {
            throw refuse(
                "\"\(text)\" is not of the form private:uidmapping=0:100000:65536; where the node shall choose, the pod "
                    + "has to say hostUsers: false")
        }
        var found: [String: Mapping] = [:]
        for option in parts.dropFirst().joined(separator: "").split(separator: ";") {
            let words = option.split(separator: "=", maxSplits: 1).map(String.init)
            guard words.count == 2, ["uidmapping", "gidmapping"].contains(words[0]), let mapping = mapping(words[1])
            else {
                throw refuse("\"\(option)\" is not of the form uidmapping=0:100000:65536, with one range from 0 on")
            }
            guard mapping.hostID >= leastHostID else {
                throw refuse("\"\(option)\": ids below \(leastHostID) belong to the machine")
            }
            found[words[0]] = mapping
        }
        let (users, groups) = (found["uidmapping"], found["gidmapping"])
        guard let one = users ?? groups else {
            throw refuse("it names no range of ids, and the node has none for such pods")
        }
        return (users ?? one, groups ?? one)
    }

    /// `inside:outside:count`.
    private static func mapping(_ text: String) -> Mapping? {
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
        guard numbers.count == 3, numbers[0] == 0, let host = numbers[1], let count = numbers[2] else { return nil }
        return Mapping.with { ($0.containerID, $0.hostID, $0.length) = (0, host, count) }
    }
}

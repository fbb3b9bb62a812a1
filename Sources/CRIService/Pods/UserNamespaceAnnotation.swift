// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import OCIRuntimeSpec
internal import SwiftProtobuf

/// What the author of a pod asks for who wants a user namespace by an annotation, in the words that CRI-O has for it:
/// `private:uidmapping=0:100000:65536;gidmapping=0:100000:65536`, where one of the two stands for both, or `auto:size=65536`.
enum UserNamespaceAnnotation: Hashable {
    case ranges(UserMapping)
    /// As many ids as nobody else has.
    case unused(UInt32)

    private static let names = ["userns-mode.crio.io", "io.kubernetes.cri-o.userns-mode"]
    /// Ids below belong to people and programs of the machine: only who speaks for the node may give them to pods.
    private static let leastHostID: UInt32 = 65536
    private static let usualCount: UInt32 = 65536

    /// Nil without an annotation, if the rules forbid it, and if the request speaks of user namespaces itself.
    init?(_ config: CRI.PodConfig, _ rules: [String]) throws(ServiceError) {
        guard !config.linux.securityContext.namespaceOptions.hasUsernsOptions,
            let (name, text) = AnnotationRules.find(Self.names, in: config.annotations, rules)
        else { return nil }
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let options = parts.dropFirst().joined().split(separator: ";").map(String.init)
        switch parts.first {
        case "private": self = .ranges(try Self.mapping(options, name))
        case "auto": self = .unused(try Self.count(options, name))
        default:
            throw Self.refusal(
                name,
                "\"\(text)\" is neither of the form private:uidmapping=0:100000:65536 nor auto:size=65536")
        }
    }

    private static func refusal(_ name: String, _ cause: String) -> ServiceError {
        ServiceError(.invalid, "obey annotation", name, cause)
    }

    private static func count(_ options: [String], _ name: String) throws(ServiceError) -> UInt32 {
        guard let option = options.first else { return usualCount }
        let words = option.split(separator: "=", maxSplits: 1).map(String.init)
        guard options.count == 1, words.count == 2, words[0] == "size", let count = UInt32(words[1]), count > 0 else {
            throw refusal(name, "\"\(options.joined(separator: ";"))\" is not of the form size=65536")
        }
        return count
    }

    private static func mapping(_ options: [String], _ name: String) throws(ServiceError) -> UserMapping {
        var found: [String: LinuxIDMapping] = [:]
        for option in options {
            let words = option.split(separator: "=", maxSplits: 1).map(String.init)
            guard words.count == 2, ["uidmapping", "gidmapping"].contains(words[0]), let range = range(words[1])
            else {
                throw refusal(
                    name, "\"\(option)\" is not of the form uidmapping=0:100000:65536, with one range from 0 on")
            }
            guard range.hostID >= leastHostID else {
                throw refusal(name, "\"\(option)\": ids below \(leastHostID) belong to the machine")
            }
            found[words[0]] = range
        }
        let (users, groups) = (found["uidmapping"], found["gidmapping"])
        guard let one = users ?? groups else { throw refusal(name, "it names no range of ids") }
        return UserMapping(users: users ?? one, groups: groups ?? one)
    }

    /// `inside:outside:count`.
    private static func range(_ text: String) -> LinuxIDMapping? {
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
        guard numbers.count == 3, numbers[0] == 0, let host = numbers[1], let count = numbers[2] else { return nil }
        return LinuxIDMapping(containerID: 0, hostID: host, size: count)
    }
}

extension CRI.PodConfig {
    /// The same with these users.
    func with(_ users: UserMapping) -> CRI.PodConfig {
        // A request that said nothing of processes does not have them shared because something is said of users.
        let pidMode = linux.securityContext.pidMode
        var config = self
        config.linux.securityContext.namespaceOptions.pid = pidMode
        config.linux.securityContext.namespaceOptions.usernsOptions = .with {
            $0.mode = .pod
            $0.uids = [users.users.message]
            $0.gids = [users.groups.message]
        }
        return config
    }
}

extension LinuxIDMapping {
    fileprivate var message: Runtime_V1_IDMapping {
        .with { ($0.containerID, $0.hostID, $0.length) = (containerID, hostID, size) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Linux

/// The pod's logs in one of its own volumes, for a container that sends them on. An annotation names an `emptyDir` volume, on
/// which the pod's folder of logs is mounted, read-only; in it each container's log also has the container's id for a name.
struct LinkedLogs: Sendable {
    /// The names that CRI-O gives it, the newer one first.
    private static let annotations = ["link-logs.crio.io", "io.kubernetes.cri-o.LinkLogs"]

    /// Kubelet's folder of pods, and the volume's below it.
    private let pods: String
    private let place: String
    private let logs: String

    /// Where the logs are shown.
    var volume: String { "\(pods)/\(place)" }

    /// The same for what was mounted, whatever is allowed now.
    init?(mounted config: CRI.PodConfig, kubelet: String) {
        // What is refused was not mounted.
        guard let linked = try? LinkedLogs(config, Self.annotations, kubelet: kubelet) else { return nil }
        self = linked
    }

    /// nil without the annotation, or where `rules` do not allow it. Throws for a volume that cannot be.
    init?(_ config: CRI.PodConfig, _ rules: [String], kubelet: String) throws(ServiceError) {
        guard let (name, volume) = AnnotationRules.find(Self.annotations, in: config.annotations, rules) else {
            return nil
        }
        func refuse(_ cause: String) -> ServiceError { ServiceError(.invalid, "obey annotation", name, cause) }
        guard Self.isLabel(volume) else { throw refuse("\"\(volume)\" is no name of a volume") }
        guard !config.logDirectory.isEmpty else { throw refuse("the pod has no folder of logs") }
        let uid = config.metadata.uid
        guard !uid.isEmpty, uid != ".", uid != "..", !uid.utf8.contains(UInt8(ascii: "/")) else {
            throw refuse("the pod's uid, \"\(uid)\", is none of kubelet's")
        }
        pods = "\(kubelet)/pods"
        place = "\(uid)/volumes/kubernetes.io~empty-dir/\(volume)"
        logs = PathText.normalised(config.logDirectory)
    }

    /// RFC 1123, as Kubernetes takes it.
    private static func isLabel(_ name: String) -> Bool {
        let isWord = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "-")
        }
        return isWord && (1...63).contains(name.utf8.count) && !name.hasPrefix("-") && !name.hasSuffix("-")
    }

    /// Both folders must be there. Blocks the calling thread.
    func mount() throws {
        try SystemError.attempt("show logs in", volume) { () throws(Errno) in
            let folder = try SafeRoot(pods).openLiterally(place, [.path, .directory])
            let tree = try Syscall.openTree(logs, clone: true)
            try Syscall.setMountAttributes(
                "", at: tree.rawValue, set: [.readOnly, .noSUID, .noDevices, .noExec])
            try Syscall.moveMount(tree.rawValue, to: "", at: folder.rawValue)
        }
    }

    /// Takes the mount away, if it is there; what kubelet has mounted at the volume stays. May be repeated. Blocks the calling
    /// thread.
    func unmount() throws {
        try SystemError.attempt("show logs no more in", volume) { () throws(Errno) in
            guard let top = try MountInfo.read().last(where: { $0.mountPoint == volume }) else { return }
            // The folder may be gone already; its own mount may begin anywhere above it.
            let deleted = "//deleted"
            let root = top.root.hasSuffix(deleted) ? String(top.root.dropLast(deleted.count)) : top.root
            guard root != "/", logs.hasSuffix(root) else { return }
            try Syscall.unmount(volume, detach: true)
        }
    }

    /// Gives a log of a container, below the pod's folder, its second name. Blocks the calling thread.
    func link(_ log: String, of container: String) throws {
        let link = "\(logs)/\(container).log"
        try SystemError.attempt("link log", link) { () throws(Errno) in
            do throws(Errno) { try Syscall.makeSymlink(log, link) } catch .EEXIST {}
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CNI
internal import EngineConfiguration
internal import Linux
internal import Logging

extension Engine {
    /// Writes the network's configuration from the template of the configuration file, with the addresses that the
    /// cluster gave to this node. Without a template, or without addresses, nothing is to be done.
    func updateNetwork(podCIDR: String) async throws {
        let cni = config.cni
        guard !podCIDR.isEmpty, !cni.template.isEmpty else { return }
        do {
            try await BlockingPool.run { try NetworkTemplate(ranges: podCIDR).fill(cni.template, into: cni.confDir) }
        } catch {
            throw ServiceError.wrap(error, "update network", podCIDR)
        }
        log.info("the network of pods is \(podCIDR)")
    }
}

/// A network configuration with placeholders, those of containerd's templates:
///
///     {{.PodCIDR}}        the first range: 10.1.2.0/24
///     {{.PodCIDRRanges}}  ranges of host-local, one set for each: [[{"subnet":"10.1.2.0/24"}]]
///     {{.Routes}}         default routes of the ranges' families: [{"dst":"0.0.0.0/0"}]
struct NetworkTemplate {
    /// The file that is written; a name that sorts before an administrator's own files would hide them.
    static let fileName = "10-skiff.conflist"

    private let ranges: [String]

    /// Ranges in CIDR form with commas between them.
    init(ranges text: String) throws(ServiceError) {
        ranges = text.split(separator: ",").map { String($0.filter { $0 != " " }) }
        for range in ranges {
            let parts = range.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, IPAddress.isValid(String(parts[0])), let length = Int(parts[1]),
                (0...(range.contains(":") ? 128 : 32)).contains(length)
            else { throw ServiceError(.invalid, "read pod CIDR", range, "not a range of addresses") }
        }
        guard !ranges.isEmpty else { throw ServiceError(.invalid, "read pod CIDR", text, "it names no range") }
    }

    func text(_ template: String) -> String {
        let sets = ranges.map { "[{\"subnet\":\"\($0)\"}]" }.joined(separator: ",")
        var families: [String] = []
        for range in ranges {
            let route = range.contains(":") ? "::/0" : "0.0.0.0/0"
            if !families.contains(route) { families.append(route) }
        }
        let routes = families.map { "{\"dst\":\"\($0)\"}" }.joined(separator: ",")
        return [("PodCIDRRanges", "[\(sets)]"), ("Routes", "[\(routes)]"), ("PodCIDR", ranges.first ?? "")]
            .reduce(template) { Self.replace("{{.\($1.0)}}", with: $1.1, in: $0) }
    }

    private static func replace(_ placeholder: String, with value: String, in text: String) -> String {
        text.split(separator: placeholder, omittingEmptySubsequences: false).joined(separator: value)
    }

    /// Writes the file if its text is new. A text that is no configuration is refused, and the file stays as it is.
    func fill(_ template: String, into folder: String) throws {
        let source = try SystemError.attempt("read", template) { () throws(Errno) in try Syscall.readText(template) }
        let text = text(source)
        _ = try NetworkList(parsing: Array(text.utf8), file: template)
        let file = "\(folder)/\(Self.fileName)"
        if let present = try? Syscall.readText(file), present == text { return }
        try SystemError.attempt("write", file) { () throws(Errno) in
            try Syscall.makeDirectories(folder, mode: 0o755)
            try AtomicFile.write(file, text, mode: 0o644)
        }
    }
}

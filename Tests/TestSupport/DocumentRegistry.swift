// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Glibc
internal import Linux

/// Debian's `docker-registry` on a free port of 127.0.0.1, with its content in a temporary folder. It ends when this
/// is released, and also when the test process dies.
package final class DocumentRegistry: Sendable {
    /// What the registry asks of its clients.
    package enum Access: Sendable {
        case open
        /// HTTP Basic authentication as `user` with `password`.
        case password
    }

    /// The only user of a registry with `.password`.
    package static let user = "alice"
    /// Her password.
    package static let password = "open sesame"

    /// `127.0.0.1:34567`
    package let address: String
    /// Where the registry keeps its content: `docker/registry/v2/blobs/sha256/...`.
    package let storage: String
    /// The certificate of one with TLS, which is its own authority.
    package var certificate: String { "\(folder.path)/certificate" }
    // Released in this order: what still runs would write into a folder that is being removed.
    private let process: GuardedProcess
    private let folder: TemporaryDirectory

    /// Starts a registry and waits until it answers. With `tls`, it has a certificate that nobody trusts, and asks its
    /// clients for one of `clientAuthority`, if given. With `remote`, it is a mirror of the registry there.
    package init(
        _ access: Access = .open, tls: Bool = false, clientAuthority: String? = nil, remote: String? = nil
    ) throws {
        folder = try TemporaryDirectory()
        storage = "\(folder.path)/storage"
        if tls { try Self.makeCertificate("\(folder.path)/certificate", key: "\(folder.path)/key") }
        try AtomicFile.write("\(folder.path)/passwords", Self.passwords)
        let port = try FreePort.find()
        address = "127.0.0.1:\(port)"
        let config = "\(folder.path)/config.yml"
        var text = Self.configuration(address, folder.path, access, tls, clientAuthority)
        if let remote { text += "proxy: {remoteurl: \(remote)}\n" }
        try AtomicFile.write(config, text)
        process = try GuardedProcess(["/usr/bin/docker-registry", "serve", config], log: "\(folder.path)/log")
        let log = "\(folder.path)/log"
        do {
            try eventually("docker-registry listens") { FreePort.isTaken(port) }
        } catch {
            throw NeverHappened(description: "\(error)\n\((try? Syscall.readText(log)) ?? "")")
        }
    }

    /// Copies an image into the registry with skopeo: `source` as skopeo names it (`oci:/path:tag`), `name` as
    /// `repository:tag`. The bytes stay as they are; all platforms are copied.
    package func push(_ source: String, as name: String) throws {
        let target = "docker://\(address)/\(name)"
        let credentials = "--dest-creds=\(Self.user):\(Self.password)"
        try Command.run([
            "/usr/bin/skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests",
            "--dest-tls-verify=false", credentials, source, target,
        ])
    }

    private static func configuration(
        _ address: String, _ folder: String, _ access: Access, _ tls: Bool, _ clientAuthority: String?
    ) -> String {
        var text = """
            version: 0.1
            log: {level: warn, accesslog: {disabled: true}}
            storage: {filesystem: {rootdirectory: \(folder)/storage}, delete: {enabled: true}}
            http:
              addr: \(address)

            """
        let authorities = clientAuthority.map { ", clientcas: [\($0)]" } ?? ""
        if tls { text += "  tls: {certificate: \(folder)/certificate, key: \(folder)/key\(authorities)}\n" }
        if access == .password { text += "auth: {htpasswd: {realm: tests, path: \(folder)/passwords}}\n" }
        return text
    }

    /// bcrypt of `password`.
    private static let passwords = "\(user):$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n"

    /// A certificate for 127.0.0.1 that signs itself, for servers and for clients.
    package static func makeCertificate(_ path: String, key: String) throws {
        try Command.run([
            "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
            path,
        ])
    }
}

/// Runs programs that prepare a test.
package enum Command {
    /// Runs the program to its end and returns its output; throws with its error output when it fails.
    @discardableResult
    package static func run(_ words: [String], in directory: String? = nil) throws -> String {
        let plan = ChildPlan(
            words[0], words, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"],
            workingDirectory: directory)
        let result = try CommandOutput.run(plan, timeoutMilliseconds: 120_000)
        guard result.status == .exited(0), !result.timedOut else {
            throw NeverHappened(description: "\(words.joined(separator: " ")): \(result.status) \(result.errorText)")
        }
        return result.outputText
    }
}

/// A program that ends with its owner: a shell stands beside it and kills it when the pipe from the owner closes, which
/// the kernel does for a test process that crashes.
private final class GuardedProcess: Sendable {
    private let lifeline: SharedFD
    private let shell: SharedPidFD

    init(_ words: [String], log: String) throws {
        var pipe = try Pipe()
        guard let reader = pipe.takeReader(), let writer = pipe.takeWriter() else { throw Errno.EBADF }
        let output = try Syscall.open(log, [.writeOnly, .create, .append])
        let script = "\"$@\" </dev/null & read -r line; kill $!; wait $!"
        let child = try ChildProcess(
            ChildPlan(
                "/bin/sh", ["sh", "-c", script, "sh"] + words, environment: ["PATH=/usr/bin:/bin"],
                descriptors: [reader.rawValue, output.rawValue, output.rawValue]))
        lifeline = SharedFD(writer)
        shell = child.detach().pidfd
    }

    deinit {
        // A line ends `read` like the end of the pipe does; then the shell is waited for, so that nothing is left.
        try? lifeline.descriptor.writeAll("\n")
        _ = try? shell.pidfd.reap()
    }
}

/// TCP ports of 127.0.0.1.
private enum FreePort {
    /// A port that nobody listens on now.
    static func find() throws -> UInt16 {
        let fd = OwnedFD(adopting: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd.rawValue, $0, length) == 0 && getsockname(fd.rawValue, $0, &length) == 0
            }
        }
        guard result else { throw NeverHappened(description: "no port is free") }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Whether somebody listens on the port.
    static func isTaken(_ port: UInt16) -> Bool {
        let fd = OwnedFD(adopting: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        let address = loopback(port)
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd.rawValue, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}

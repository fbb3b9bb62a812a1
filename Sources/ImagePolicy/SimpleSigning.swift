// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import Linux
internal import OCIImageSpec

/// Verifies GPG simple signatures with `gpgv`, which knows no trust but the keys it is given. Source: gpgv(1);
/// GnuPG's doc/DETAILS for the status lines.
struct SimpleSigning {
    private let keyring: [UInt8]

    init(keys: [PolicyKey]) throws(PolicyError) {
        var keyring: [UInt8] = []
        for key in keys { keyring += try Self.binary(try key.content) }
        self.keyring = keyring
    }

    /// The payload of a message, and why it does not count, if so. Blocks.
    func verify(_ message: [UInt8]) throws(PolicyError) -> (payload: [UInt8], fault: String?) {
        do throws(SystemError) {
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            try folder.write("keys", keyring)
            try folder.write("message", message)
            guard let program = ChildPlan.find("gpgv", path: "/usr/local/bin:/usr/bin:/bin") else {
                throw SystemError("run", "gpgv", .ENOENT)
            }
            let plan = ChildPlan(
                program,
                [
                    "gpgv", "--homedir", folder.path, "--status-fd", "1", "--keyring", "\(folder.path)/keys",
                    "--output",
                    "\(folder.path)/payload", "\(folder.path)/message",
                ], environment: ["LC_ALL=C", "PATH=/usr/bin:/bin"])
            let output = try SystemError.attempt("run", program) { () throws(Errno) in
                try CommandOutput.run(plan, limit: 1 << 20, timeoutMilliseconds: 30_000)
            }
            if let fault = Self.fault(output) { return ([], fault) }
            return (try folder.read("payload"), nil)
        } catch {
            throw PolicyError(.unusable, "verify signature", "gpgv", "\(error)")
        }
    }

    /// One good signature of a valid key, and nothing said against it.
    private static func fault(_ output: CommandOutput) -> String? {
        guard !output.timedOut else { return "gpgv took too long" }
        let words = output.outputText.split(separator: "\n").compactMap { line -> Substring? in
            let parts = line.split(separator: " ")
            return parts.count > 1 && parts[0] == "[GNUPG:]" ? parts[1] : nil
        }
        if words.contains("NO_PUBKEY") { return "it is not by a key of the policy" }
        if words.contains("EXPKEYSIG") || words.contains("KEYEXPIRED") { return "its key has expired" }
        if words.contains("EXPSIG") { return "it has expired" }
        if words.contains("REVKEYSIG") { return "its key is revoked" }
        guard output.status == .exited(0), words.count(where: { $0 == "GOODSIG" }) == 1,
            words.count(where: { $0 == "VALIDSIG" }) == 1, !words.contains("BADSIG"), !words.contains("ERRSIG")
        else { return "it is no good signature" }
        return nil
    }

    /// Keys as gpgv reads them: armour (RFC 4880, 6.2) is taken off.
    private static func binary(_ bytes: [UInt8]) throws(PolicyError) -> [UInt8] {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") else { return bytes }
        var keys: [UInt8] = []
        for block in text.split(separator: "-----BEGIN PGP PUBLIC KEY BLOCK-----").dropFirst(
            text.hasPrefix("-----") ? 0 : 1)
        {
            let lines = block.split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0.filter { !$0.isWhitespace } }.drop { $0.isEmpty || $0.contains(":") }
            // A line that begins with "=" is the checksum.
            let body = lines.prefix { !$0.hasPrefix("=") && !$0.hasPrefix("-----END") }
            guard let data = Data(base64Encoded: body.joined()), !data.isEmpty else {
                throw PolicyError(.unusable, "read key", "GPG keys", "the armour is damaged")
            }
            keys += data
        }
        return keys
    }
}

/// A folder for one run of a program, readable by nobody else.
private struct TemporaryFolder {
    let path: String

    init() throws(SystemError) {
        let path = "/tmp/skiff-signature.\(Syscall.processID).\(KernelClock.monotonic)"
        self.path = path
        try SystemError.attempt("create", path) { () throws(Errno) in
            try Syscall.makeDirectory(path, mode: 0o700)
        }
    }

    func write(_ name: String, _ bytes: [UInt8]) throws(SystemError) {
        let file = "\(path)/\(name)"
        try SystemError.attempt("write", file) { () throws(Errno) in
            try AtomicFile.write(file, bytes, mode: 0o600)
        }
    }

    func read(_ name: String) throws(SystemError) -> [UInt8] {
        let file = "\(path)/\(name)"
        return try SystemError.attempt("read", file) { () throws(Errno) in
            try Syscall.readFile(file, limit: ImageSignature.sizeLimit)
        }
    }

    /// What stays is in a folder that nobody looks into.
    func remove() { do throws(Errno) { try Syscall.removeTree(path) } catch {} }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIImageSpec

/// Folders that hold, for each registry in a folder of its name (`host[:port]`), authorities to trust (`*.crt`) and a
/// certificate of ours with its key (`NAME.cert`, `NAME.key`). The first folder that knows the registry counts.
///
/// Source: containers-certs.d(5).
package struct CertificateFolders: Hashable, Sendable {
    private let folders: [String]

    /// The folders in the order in which they are searched.
    package init(_ folders: [String]) { self.folders = folders }

    /// What there is for the registry. Blocks.
    package func certificates(for domain: String) throws(RegistryConfigurationError) -> RegistryCertificates {
        for folder in folders {
            let path = "\(folder)/\(domain)"
            let names: [String]
            do throws(Errno) {
                names = try Syscall.entries(path).sorted()
            } catch .ENOENT {
                continue
            } catch .ENOTDIR {
                continue
            } catch {
                throw .file(path, "\(error)")
            }
            return try Self.certificates(names, path)
        }
        return RegistryCertificates()
    }

    private static func certificates(
        _ names: [String], _ path: String
    ) throws(RegistryConfigurationError) -> RegistryCertificates {
        func content(_ name: String) throws(RegistryConfigurationError) -> [UInt8] {
            guard let bytes = try ConfigurationText.bytes("\(path)/\(name)") else {
                throw .file("\(path)/\(name)", "no such file or directory")
            }
            return bytes
        }
        var found = RegistryCertificates()
        for name in names where name.hasSuffix(".crt") { found.authorities.append(try content(name)) }
        for name in names where name.hasSuffix(".key") && !names.contains("\(name.dropLast(4)).cert") {
            throw .file(
                "\(path)/\(name)",
                "there is no certificate \(QuotedText.line(name.dropLast(4) + ".cert")) for this key")
        }
        // A server is shown one certificate: the first.
        if let name = names.first(where: { $0.hasSuffix(".cert") }) {
            let certificate = try content(name)
            found.client = RegistryCertificates.Client(
                certificate: certificate, key: try content("\(name.dropLast(5)).key"))
        }
        return found
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// Files that may be missing.
enum ConfigurationText {
    /// Largest file, in bytes.
    static let limit = 4 << 20

    /// The bytes of a file, or nil if there is none.
    static func bytes(_ path: String) throws(RegistryConfigurationError) -> [UInt8]? {
        do throws(Errno) {
            return try Syscall.readFile(path, limit: limit)
        } catch .ENOENT {
            return nil
        } catch .ENOTDIR {
            return nil
        } catch {
            throw .file(path, "\(error)")
        }
    }

    /// The text of a file, or nil if there is none.
    static func read(_ path: String) throws(RegistryConfigurationError) -> String? {
        guard let bytes = try bytes(path) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .file(path, "not UTF-8 text") }
        return text
    }

    /// The files of a folder that end so, in lexical order by bytes; none when the folder is missing.
    static func files(in folder: String, suffix: String) throws(RegistryConfigurationError) -> [String] {
        do throws(Errno) {
            let names = try Syscall.entries(folder).filter { $0.hasSuffix(suffix) && !$0.hasPrefix(".") }
            return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { "\(folder)/\($0)" }
        } catch .ENOENT {
            return []
        } catch .ENOTDIR {
            return []
        } catch {
            throw .file(folder, "\(error)")
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The files that a configuration is made of.
enum ConfigurationFiles {
    /// The text of a file, or nil if there is none.
    static func text(of path: String) throws(ConfigurationError) -> String? {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try Syscall.readFile(path, limit: 1 << 20)
        } catch .ENOENT {
            return nil
        } catch {
            throw ConfigurationError(file: path, cause: "\(error)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(file: path, cause: "not UTF-8 text")
        }
        return text
    }

    /// The drop-ins of the file `path` in lexical order of their names (by bytes, whatever the locale).
    static func dropIns(of path: String) throws(ConfigurationError) -> [String] {
        let folder = path + ".d"
        do throws(Errno) {
            let names = try Syscall.entries(folder).filter { $0.hasSuffix(".toml") && !$0.hasPrefix(".") }
            return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { "\(folder)/\($0)" }
        } catch .ENOENT {
            return []
        } catch {
            throw ConfigurationError(file: folder, cause: "\(error)")
        }
    }
}

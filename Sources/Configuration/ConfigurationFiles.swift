// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials

/// The files that a configuration is made of.
enum ConfigurationFiles {
    /// The text of a file, or nil if there is none.
    static func text(of path: String) throws(ConfigurationError) -> String? {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(filePath: path))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
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
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            return []
        } catch {
            throw ConfigurationError(file: folder, cause: "\(error)")
        }
        return names.filter { $0.hasSuffix(".toml") && !$0.hasPrefix(".") }.sorted().map { "\(folder)/\($0)" }
    }
}

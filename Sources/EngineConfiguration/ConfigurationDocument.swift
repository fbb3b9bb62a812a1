// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import TOML

/// One parsed configuration file with its name, which errors tell.
struct ConfigurationDocument {
    let file: String
    private let document: TOMLDocument

    /// Parses `text`; `file` only names it in errors.
    init(file: String, text: String) throws(ConfigurationError) {
        do throws(TOMLError) {
            document = try TOMLDocument(text: text)
        } catch {
            throw ConfigurationError(file: file, line: error.line, cause: error.cause)
        }
        self.file = file
    }

    var values: [String: TOMLNode] { document.values }

    /// An error about `key`, with the line of the key or of the nearest table around it.
    func error(_ key: String, _ cause: String) -> ConfigurationError {
        ConfigurationError(file: file, line: document.line(of: key), key: key, cause: cause)
    }
}

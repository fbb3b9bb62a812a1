// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The path seen from the working directory.
func absolutePath(_ path: String) throws -> String {
    if path.hasPrefix("/") { return path }
    let here = try SystemError.attempt("get", "working directory") { () throws(Errno) in
        try Syscall.currentDirectory()
    }
    return path == "." ? here : "\(here)/\(path)"
}

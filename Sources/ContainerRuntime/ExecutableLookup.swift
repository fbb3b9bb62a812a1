// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Finds the program to execute, seen from inside the container with the process's own rights.
enum ExecutableLookup {
    /// The path to give to execve(2). The errors have runc's words, by which its callers choose exit codes.
    static func find(_ name: String, environment: [String]) throws(RuntimeError) -> String {
        if name.contains("/") {
            try check(name)
            return name
        }
        let search = environment.first { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) } ?? ""
        // An empty directory in PATH means the working directory; a program is never taken from there by accident.
        if let found = ChildPlan.find(name, path: search) { return found }
        throw RuntimeError("exec: \"\(name)\": executable file not found in $PATH")
    }

    private static func check(_ path: String) throws(RuntimeError) {
        do throws(Errno) {
            if try Syscall.status(path).isDirectory { throw .EISDIR }
        } catch .EISDIR {
            throw RuntimeError("exec: \"\(path)\": is a directory")
        } catch {
            throw RuntimeError("exec: \"\(path)\": stat \(path): \(error)")
        }
        do throws(Errno) {
            try Syscall.checkAccess(path, mode: 1)
        } catch {
            throw RuntimeError("exec: \"\(path)\": \(error)")
        }
    }
}

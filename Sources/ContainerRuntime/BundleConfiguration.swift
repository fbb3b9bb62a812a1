// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

/// The file `config.json` of a bundle.
enum BundleConfiguration {
    static func read(_ path: String) throws -> [UInt8] {
        do throws(Errno) {
            return try Syscall.readFile(path, limit: 1 << 26)
        } catch .ENOENT {
            throw RuntimeError("JSON specification file \(path) not found: \(Errno.ENOENT)")
        } catch {
            throw SystemError("read", path, error)
        }
    }

    static func parse(_ bytes: [UInt8], _ path: String) throws(PlanError) -> Spec {
        do throws(PlanError) {
            return try JSONText.decode(Spec.self, bytes)
        } catch {
            throw PlanError("read \"\(path)\": \(error)")
        }
    }
}

/// Descriptors that the caller passes on to the program: 3 ..< 3 + N.
enum PreservedDescriptors {
    /// Throws for the first that is not there. Only a descriptor that came through an execution is the caller's: the
    /// runtime's own, all of which are close-on-exec, may have taken the number meanwhile.
    static func check(_ count: Int32) throws(RuntimeError) {
        for index in 0..<max(0, count) where !Syscall.survivesExecution(3 + index) {
            throw RuntimeError(
                "please check that preserved-fd \(index) (of \(count)) is present: descriptor \(3 + index) is not open")
        }
    }
}

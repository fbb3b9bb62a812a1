// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// What a directory with a default access list gives to everything that is made in it. An archive says itself what its files
/// have, and a layer must not depend on how it is kept. See acl(5), "OBJECT CREATION AND DEFAULT ACLs".
enum InheritedACL {
    private static let access = RawName("system.posix_acl_access")
    private static let preset = RawName("system.posix_acl_default")

    /// Whether what is made in the directory inherits.
    static func isGiven(by directory: Int32) throws(Errno) -> Bool {
        do throws(Errno) {
            return try !Syscall.attribute(RawName("."), preset, at: directory).isEmpty
        } catch .ENODATA {
            return false
        } catch .EOPNOTSUPP {
            return false
        }
    }

    /// Takes away what a file or directory that was just made has inherited. The mode is to be set afterwards.
    static func drop(of name: RawName, at directory: Int32) throws(Errno) {
        for list in [access, preset] {
            do throws(Errno) {
                try Syscall.removeAttribute(name, list, at: directory)
            } catch .ENODATA {
            } catch .EOPNOTSUPP {
            } catch {
                throw error
            }
        }
    }

    /// Whether an attribute of that name makes a directory give.
    static func isPreset(_ attribute: [UInt8]) -> Bool { preset.bytes.elementsEqual(attribute) }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import OCIRuntimeSpec

extension SpecBuilder {
    /// AppArmor's profile and SELinux' label. What the request asks for and the kernel does not have is refused: a
    /// container must not run with less confinement than its author believes.
    mutating func setLabels() throws(ServiceError) {
        if let profile = apparmorProfile, !isPrivileged {
            guard input.host.hasAppArmor else {
                throw ServiceError(.invalid, "set AppArmor profile", profile, "the kernel runs without AppArmor")
            }
            process.apparmorProfile = profile
        }
        let options = security.selinuxOptions
        let parts = [options.user, options.role, options.type, options.level]
        guard parts.contains(where: { !$0.isEmpty }) else { return }
        let defaults = ["system_u", "system_r", "container_t", "s0"]
        let label = zip(parts, defaults).map { $0.isEmpty ? $1 : $0 }.joined(separator: ":")
        guard input.host.hasSELinux else {
            throw ServiceError(.invalid, "set SELinux label", label, "the kernel runs without SELinux")
        }
        process.selinuxLabel = label
        linux.mountLabel = "system_u:object_r:container_file_t:\(options.level.isEmpty ? "s0" : options.level)"
    }

    /// The profile that the request names, in the field or in the older one; nil for the runtime's own and for none.
    private var apparmorProfile: String? {
        if security.hasApparmor {
            guard security.apparmor.profileType == .localhost else { return nil }
            return Self.profileName(security.apparmor.localhostRef)
        }
        let old = security.apparmorProfile
        return old.hasPrefix("localhost/") ? Self.profileName(old) : nil
    }

    private static func profileName(_ reference: String) -> String {
        reference.hasPrefix("localhost/") ? String(reference.dropFirst("localhost/".count)) : reference
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import OCIRuntimeSpec

extension SpecBuilder {
    /// AppArmor's profile and SELinux' label. What the request asks for and the kernel does not have is refused: a
    /// container must not run with less confinement than its author believes.
    mutating func setLabels() throws(ServiceError) {
        switch AppArmorRequest(security) {
        case .unconfined: break
        case .standard: process.apparmorProfile = input.apparmorProfile
        case .profile(let profile):
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
}

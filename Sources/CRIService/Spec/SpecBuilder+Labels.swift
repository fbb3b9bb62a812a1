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
        guard let labels = input.labels else { return }
        guard input.host.hasSELinux else {
            throw ServiceError(.invalid, "set SELinux label", labels.process.text, "the kernel runs without SELinux")
        }
        process.selinuxLabel = labels.process.text
        linux.mountLabel = labels.file.text
    }
}

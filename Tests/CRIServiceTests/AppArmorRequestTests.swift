// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import OCIRuntimeSpec
import SwiftProtobuf
import Testing

@testable import CRIService

struct AppArmorRequestTests {
    @Test(arguments: [
        ("", AppArmorRequest.standard(isStated: false)), ("runtime/default", .standard(isStated: true)),
        ("unconfined", .unconfined), ("localhost/mine", .profile("mine")), ("mine", .profile("mine")),
    ])
    func theOlderString(text: String, request: AppArmorRequest) {
        #expect(AppArmorRequest(.with { $0.apparmorProfile = text }) == request)
    }

    @Test(arguments: [
        (CRI.SecurityProfile.ProfileType.runtimeDefault, AppArmorRequest.standard(isStated: true)),
        (.unconfined, .unconfined), (.localhost, .profile("mine")),
    ])
    func theFieldGoesFirst(type: CRI.SecurityProfile.ProfileType, request: AppArmorRequest) {
        var security = CRI.ContainerSecurity()
        security.apparmorProfile = "localhost/other"
        security.apparmor = .with { ($0.profileType, $0.localhostRef) = (type, "mine") }
        #expect(AppArmorRequest(security) == request)
        security.privileged = true
        #expect(AppArmorRequest(security) == .unconfined)
    }

    @Test func theStandardProfileReachesTheRuntime() throws {
        #expect(try SpecRequest().build().process?.apparmorProfile == nil)
        var request = SpecRequest()
        request.apparmor = "skiff-default"
        #expect(try request.build().process?.apparmorProfile == "skiff-default")
        request.security.apparmorProfile = "unconfined"
        #expect(try request.build().process?.apparmorProfile == nil)
    }
}

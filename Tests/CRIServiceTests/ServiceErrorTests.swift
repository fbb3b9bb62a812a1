// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import GRPCCore
import Testing

@testable import CRIService

struct ServiceErrorTests {
    @Test(
        arguments: [
            (.invalid, .invalidArgument), (.notFound, .notFound), (.exists, .alreadyExists),
            (.state, .failedPrecondition), (.deadline, .deadlineExceeded), (.unavailable, .unavailable),
            (.unimplemented, .unimplemented), (.failed, .unknown),
        ] as [(ServiceError.Code, RPCError.Code)])
    func hasACode(code: ServiceError.Code, rpc: RPCError.Code) {
        let error = RPCError(ServiceError(code, "do", "it", "no"))
        #expect(error.code == rpc && error.message == "do \"it\": no")
    }

    @Test func saysWhatFailedOnWhatAndWhy() {
        #expect("\(ServiceError(.failed, "find pod", "abc", "no such pod"))" == "find pod \"abc\": no such pod")
        #expect(
            "\(ServiceError(.failed, "find pod", nil, "the request has no id"))" == "find pod: the request has no id")
    }

    @Test func kubeletsWordIsAtTheHead() {
        let error = ServiceError(.unavailable, "pull image", "a/b", "refused", prefix: "RegistryUnavailable")
        #expect(error.rpcErrorMessage == "RegistryUnavailable: pull image \"a/b\": refused")
        let outer = ServiceError.wrap(error, "create container", "web")
        #expect(outer.code == .unavailable)
        #expect(
            outer.rpcErrorMessage
                == "RegistryUnavailable: create container \"web\": pull image \"a/b\": refused")
    }

    @Test func wrappingKeepsTheCode() {
        struct Other: Error, CustomStringConvertible { let description = "broken" }
        let inner = ServiceError(.notFound, "find image", "busybox", "it has not been pulled")
        let outer = ServiceError.wrap(inner, "create container", "web")
        #expect(outer.code == .notFound)
        #expect(outer.description == "create container \"web\": find image \"busybox\": it has not been pulled")
        #expect(ServiceError.wrap(Other(), "run pod") == ServiceError(.failed, "run pod", nil, "broken"))
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import CRIService

struct SeccompAnnotationTests {
    private static let older = "seccomp-profile.kubernetes.cri-o.io"
    private static let newer = "seccomp-profile.crio.io"

    private func profile(_ pod: [String: String], _ image: [String: String] = [:], rules: [String]? = nil) -> String? {
        let all = [Self.older, Self.newer, Self.older + "/", Self.newer + "/"]
        return SeccompAnnotation.profile(of: "web", pod: pod, image: image, rules ?? all)?.value
    }

    @Test func theMostParticularProfileCounts() {
        let (own, pod) = (["\(Self.older)/web": "own"], ["\(Self.older)/POD": "pod"])
        #expect(profile(own.merging(pod) { $1 }) == "own")
        #expect(profile(pod) == "pod")
        #expect(profile(["\(Self.newer)/web": "new"].merging(own) { $1 }) == "new")
        #expect(profile(["\(Self.older)/other": "other"]) == nil)
        // The bare name is for images, which the pod's goes before.
        #expect(profile([Self.older: "bare"]) == nil)
        #expect(profile([:], [Self.older: "image"].merging(own) { $1 }) == "image")
        #expect(profile(pod, [Self.older: "image"]) == "pod")
    }

    @Test func onlyWhatIsAllowed() {
        #expect(profile(["\(Self.older)/web": "own"], rules: [Self.newer + "/"]) == nil)
        #expect(profile([:], [Self.older: "image"], rules: [Self.older + "/"]) == nil)
        #expect(!SeccompAnnotation.mayNameProfile("web", ["umask.crio.io"]))
        #expect(SeccompAnnotation.mayNameProfile("web", [Self.newer + "/web"]))
        #expect(SeccompAnnotation.action(["io.kubernetes.cri-o.seccompNotifierAction": "stop"], []) == nil)
    }

    @Test func whatRulesForbidIsHandedOver() throws {
        func rule(_ name: String, _ action: LinuxSeccompAction, _ number: UInt32? = nil) -> LinuxSyscall {
            LinuxSyscall(names: [name], action: action, errnoRet: number)
        }
        let kept = [rule("read", .allow), rule("clone3", .errno, 38), rule("write", .errno, 1), rule("exit", .log)]
        let filter = LinuxSeccomp(
            defaultAction: .errno,
            syscalls: kept + [rule("swapon", .errno, 1), rule("bpf", .kill), rule("ptrace", .killProcess)])
        let changed = filter.handingOver(to: "/socket")
        #expect(changed.listenerPath == "/socket")
        #expect(changed.defaultAction == .errno)
        #expect(changed.syscalls == kept + ["swapon", "bpf", "ptrace"].map { rule($0, .notify) })
    }

    /// A listener without such a rule would wait for nothing, and some runtimes refuse it.
    @Test func aFilterThatForbidsNothingStays() {
        let filter = LinuxSeccomp(
            defaultAction: .errno, syscalls: [LinuxSyscall(names: ["read"], action: .allow)])
        #expect(filter.handingOver(to: "/socket") == filter)
    }
}

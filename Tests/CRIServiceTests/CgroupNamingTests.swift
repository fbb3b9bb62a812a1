// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import EngineConfiguration
import Testing

@testable import CRIService

struct CgroupNamingTests {
    @Test func cgroupfsNamesByPaths() throws {
        let naming = try CgroupNaming(.auto, parent: "", hasSystemd: false)
        #expect(naming.driver == .cgroupfs && naming.parent == "/skiff")
        let pod = try naming.pod("p1", requested: "")
        #expect(pod == PodCgroup(path: "/skiff/p1", isOwn: true) && pod.driver == .cgroupfs)
        #expect(pod.monitor(of: "p1") == "/skiff/p1/monitor")
        #expect(pod.container("c1") == "/skiff/p1/c1" && pod.cgroupsPath(container: "c1") == "/skiff/p1/c1")
        #expect(try naming.pod("p1", requested: "/kubepods/pod7") == PodCgroup(path: "/kubepods/pod7", isOwn: false))
    }

    @Test func systemdNamesByUnits() throws {
        let naming = try CgroupNaming(.auto, parent: "", hasSystemd: true)
        #expect(naming.driver == .systemd && naming.parent == "/skiff.slice")
        let pod = try naming.pod("p1", requested: "")
        #expect(pod == PodCgroup(path: "/skiff.slice/skiff-p1.slice", isOwn: true) && pod.driver == .systemd)
        #expect(pod.monitor(of: "p1") == "/skiff.slice/skiff-p1.slice/skiff-monitor-p1.scope")
        #expect(pod.container("c1") == "/skiff.slice/skiff-p1.slice/skiff-c1.scope")
        #expect(pod.cgroupsPath(container: "c1") == "skiff-p1.slice:skiff:c1")
    }

    /// Kubelet gives the path that follows from the slice's name; crictl's users give the name.
    @Test(arguments: [
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7.slice", "kubepods-burstable-pod7.slice",
    ])
    func slicesOfClients(requested: String) throws {
        let pod = try CgroupNaming(.systemd, parent: "", hasSystemd: true).pod("p1", requested: requested)
        let path = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7.slice"
        #expect(pod == PodCgroup(path: path, isOwn: false))
        #expect(pod.cgroupsPath(container: "c1") == "kubepods-burstable-pod7.slice:skiff:c1")
    }

    @Test func aParentOfOnesOwn() throws {
        #expect(try CgroupNaming(.cgroupfs, parent: "/a/b", hasSystemd: true).pod("p", requested: "").path == "/a/b/p")
        let naming = try CgroupNaming(.systemd, parent: "a-b.slice", hasSystemd: true)
        #expect(try naming.pod("p", requested: "").path == "/a.slice/a-b.slice/a-b-p.slice")
    }

    static let refusals: [(String, Bool, String)] = [
        (
            "/kubepods.slice/kubepods-x.slice", false,
            "it is a slice of systemd, but the setting cgroup_driver says cgroupfs"
        ),
        ("pods", false, "it is not an absolute path"),
        ("/kubepods/pod7", true, "it is no slice, but the setting cgroup_driver says systemd"),
        ("a--b.slice", true, "invalid slice name: a--b.slice"), ("-.slice", true, "it is the slice of everything"),
    ]

    @Test(arguments: refusals.indices) func refuses(row: Int) throws {
        let (parent, isSystemd, cause) = Self.refusals[row]
        let naming = try CgroupNaming(isSystemd ? .systemd : .cgroupfs, parent: "", hasSystemd: true)
        let error = #expect(throws: ServiceError.self) { try naming.pod("p1", requested: parent) }
        #expect(error?.code == .invalid && error?.description == "use cgroup parent \"\(parent)\": \(cause)")
    }

    @Test func systemdMustBeThere() {
        let error = #expect(throws: ServiceError.self) {
            try CgroupNaming(.systemd, parent: "", hasSystemd: false)
        }
        #expect(
            error?.description == "use cgroup driver \"systemd\": systemd is not this machine's first process")
    }
}

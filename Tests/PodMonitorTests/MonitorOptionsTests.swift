// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import PodMonitor

struct MonitorOptionsTests {
    static let needed = ["--pod", "p", "--run-dir=/r", "--namespaces-dir", "/n"]

    @Test func readsAll() throws {
        let options = try MonitorOptions(
            parsing: Self.needed + [
                "--new", "net,ipc,uts,pid,net", "--hostname=h", "--sysctl", "net.a=b=c", "--sysctl", "kernel.sem=1",
                "--cgroup", "/c1", "--cgroup=/c2", "--log", "/l", "--ready-fd", "7",
            ])
        #expect(options.pod == "p" && options.runDirectory == "/r" && options.namespacesDirectory == "/n")
        #expect(options.newNamespaces == [.network, .ipc, .uts, .pid])
        #expect(options.hostname == "h")
        #expect(options.sysctls.map(\.path) == ["net/a", "kernel/sem"])
        #expect(options.sysctls.map(\.value) == ["b=c", "1"])
        #expect(options.cgroups == ["/c1", "/c2"])
        #expect(options.logFile == "/l" && options.readyDescriptor == 7)
        #expect(try MonitorOptions(parsing: Self.needed).readyDescriptor == 1)
    }

    @Test func readsUserNamespaces() throws {
        let options = try MonitorOptions(
            parsing: Self.needed + ["--new", "user", "--uid-map=0:100000:65536", "--gid-map", "0:200000:10"])
        #expect(options.newNamespaces == [.user])
        #expect(options.users?.outside == 100_000 && options.groups?.count == 10)
    }

    @Test(arguments: [
        (["--new", "net,mnt"], "--new \"mnt\": unknown kind of namespace"),
        (["--new", "net,user"], "--uid-map and --gid-map go with a new user namespace"),
        (["--uid-map", "0:1:1"], "--uid-map and --gid-map go with a new user namespace"),
        (["--uid-map", "0:1"], "--uid-map \"0:1\": not of the form INSIDE:OUTSIDE:COUNT"),
        (["--gid-map", "0:1:0"], "--gid-map \"0:1:0\": not of the form INSIDE:OUTSIDE:COUNT"),
        (["--hostname", "h"], "--hostname needs a new uts namespace"),
        (["--sysctl", "net.a=1"], "--sysctl \"net.a\": needs a new net namespace"),
        (["--sysctl", "vm.a=1"], "--sysctl \"vm.a\": belongs to the whole machine, not to a pod"),
        (["--sysctl", "x"], "--sysctl \"x\": not of the form NAME=VALUE"),
        (["--ready-fd", "-1"], "--ready-fd \"-1\": not a descriptor"),
        (["--cgroup", "c"], "path \"c\" is not absolute"), (["more"], "unexpected argument \"more\""),
        (["--pod", ""], "option \"--pod\" is missing"), (["--log"], "option \"--log\" needs a value"),
        (["--nothing=1"], "unknown option \"--nothing\""),
    ])
    func refuses(arguments: [String], text: String) {
        #expect(throws: UsageError(text)) { try MonitorOptions(parsing: Self.needed + arguments) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import PodMonitor

struct SysctlTests {
    @Test(
        arguments: [
            ("net.ipv4.ip_forward=1", "net/ipv4/ip_forward", "1", .network),
            ("net/ipv4/conf/eth0.1/forwarding=1", "net/ipv4/conf/eth0.1/forwarding", "1", .network),
            ("net.ipv4.conf.eth0/1.forwarding=1", "net/ipv4/conf/eth0.1/forwarding", "1", .network),
            ("net.ipv4.ping_group_range=0 2147483647", "net/ipv4/ping_group_range", "0 2147483647", .network),
            ("kernel.shm_rmid_forced=", "kernel/shm_rmid_forced", "", .ipc),
            ("kernel.sem=1 2", "kernel/sem", "1 2", .ipc),
            ("fs.mqueue.msg_max=a=b", "fs/mqueue/msg_max", "a=b", .ipc),
            ("kernel.msgmax=1", "kernel/msgmax", "1", .ipc),
            ("kernel.domainname=d", "kernel/domainname", "d", .uts), ("vm.swappiness=1", "vm/swappiness", "1", nil),
            ("kernel.semantics=1", "kernel/semantics", "1", nil),
        ] as [(String, String, String, PodNamespace?)])
    func parses(text: String, path: String, value: String, namespace: PodNamespace?) throws {
        let sysctl = try #require(Sysctl(parsing: text))
        #expect(sysctl.path == path && sysctl.value == value && sysctl.namespace == namespace)
    }

    @Test(arguments: ["", "=", "net", "net..x=1", "net/../x=1", ".net=1", "net.=1", "/etc/passwd=1", "net/./x=1"])
    func refuses(text: String) { #expect(Sysctl(parsing: text) == nil) }
}

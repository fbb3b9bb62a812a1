// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Testing

/// What `PropertyCoverageTests` walks: the paths of the schema, and a configuration that has nearly all of them.
enum PropertyCorpus {
    /// Every path of schema/config-schema.json of runtime-spec 1.3 that concerns Linux; `[]` is any element.
    static let paths = text.split { $0 == " " || $0 == "\n" }.map(String.init)

    private static let text = """
        ociVersion hooks hooks.prestart hooks.prestart[].path hooks.prestart[].args hooks.prestart[].env
        hooks.prestart[].timeout hooks.createRuntime hooks.createRuntime[].path hooks.createRuntime[].args
        hooks.createRuntime[].env hooks.createRuntime[].timeout hooks.createContainer hooks.createContainer[].path
        hooks.createContainer[].args hooks.createContainer[].env hooks.createContainer[].timeout hooks.startContainer
        hooks.startContainer[].path hooks.startContainer[].args hooks.startContainer[].env
        hooks.startContainer[].timeout hooks.poststart hooks.poststart[].path hooks.poststart[].args
        hooks.poststart[].env hooks.poststart[].timeout hooks.poststop hooks.poststop[].path hooks.poststop[].args
        hooks.poststop[].env hooks.poststop[].timeout annotations hostname domainname mounts mounts[].source
        mounts[].destination mounts[].options mounts[].type mounts[].uidMappings mounts[].uidMappings[].containerID
        mounts[].uidMappings[].hostID mounts[].uidMappings[].size mounts[].gidMappings
        mounts[].gidMappings[].containerID mounts[].gidMappings[].hostID mounts[].gidMappings[].size root root.path
        root.readonly process process.args process.commandLine process.consoleSize process.consoleSize.height
        process.consoleSize.width process.cwd process.env process.terminal process.user process.user.uid
        process.user.gid process.user.umask process.user.additionalGids process.user.username process.capabilities
        process.capabilities.bounding process.capabilities.permitted process.capabilities.effective
        process.capabilities.inheritable process.capabilities.ambient process.apparmorProfile process.oomScoreAdj
        process.selinuxLabel process.ioPriority process.ioPriority.class process.ioPriority.priority
        process.noNewPrivileges process.scheduler process.scheduler.policy process.scheduler.nice
        process.scheduler.priority process.scheduler.flags process.scheduler.runtime process.scheduler.deadline
        process.scheduler.period process.rlimits process.rlimits[].hard process.rlimits[].soft process.rlimits[].type
        process.execCPUAffinity process.execCPUAffinity.initial process.execCPUAffinity.final linux linux.devices
        linux.devices[].type linux.devices[].path linux.devices[].fileMode linux.devices[].major
        linux.devices[].minor linux.devices[].uid linux.devices[].gid linux.netDevices linux.uidMappings
        linux.uidMappings[].containerID linux.uidMappings[].hostID linux.uidMappings[].size linux.gidMappings
        linux.gidMappings[].containerID linux.gidMappings[].hostID linux.gidMappings[].size linux.namespaces
        linux.namespaces[].type linux.namespaces[].path linux.resources linux.resources.unified
        linux.resources.devices linux.resources.devices[].allow linux.resources.devices[].type
        linux.resources.devices[].major linux.resources.devices[].minor linux.resources.devices[].access
        linux.resources.pids linux.resources.pids.limit linux.resources.blockIO linux.resources.blockIO.weight
        linux.resources.blockIO.leafWeight linux.resources.blockIO.throttleReadBpsDevice
        linux.resources.blockIO.throttleReadBpsDevice[].major linux.resources.blockIO.throttleReadBpsDevice[].minor
        linux.resources.blockIO.throttleReadBpsDevice[].rate linux.resources.blockIO.throttleWriteBpsDevice
        linux.resources.blockIO.throttleWriteBpsDevice[].major linux.resources.blockIO.throttleWriteBpsDevice[].minor
        linux.resources.blockIO.throttleWriteBpsDevice[].rate linux.resources.blockIO.throttleReadIOPSDevice
        linux.resources.blockIO.throttleReadIOPSDevice[].major linux.resources.blockIO.throttleReadIOPSDevice[].minor
        linux.resources.blockIO.throttleReadIOPSDevice[].rate linux.resources.blockIO.throttleWriteIOPSDevice
        linux.resources.blockIO.throttleWriteIOPSDevice[].major
        linux.resources.blockIO.throttleWriteIOPSDevice[].minor
        linux.resources.blockIO.throttleWriteIOPSDevice[].rate linux.resources.blockIO.weightDevice
        linux.resources.blockIO.weightDevice[].major linux.resources.blockIO.weightDevice[].minor
        linux.resources.blockIO.weightDevice[].weight linux.resources.blockIO.weightDevice[].leafWeight
        linux.resources.cpu linux.resources.cpu.cpus linux.resources.cpu.mems linux.resources.cpu.period
        linux.resources.cpu.quota linux.resources.cpu.burst linux.resources.cpu.realtimePeriod
        linux.resources.cpu.realtimeRuntime linux.resources.cpu.shares linux.resources.cpu.idle
        linux.resources.hugepageLimits linux.resources.hugepageLimits[].pageSize
        linux.resources.hugepageLimits[].limit linux.resources.memory linux.resources.memory.kernel
        linux.resources.memory.kernelTCP linux.resources.memory.limit linux.resources.memory.reservation
        linux.resources.memory.swap linux.resources.memory.swappiness linux.resources.memory.disableOOMKiller
        linux.resources.memory.useHierarchy linux.resources.memory.checkBeforeUpdate linux.resources.network
        linux.resources.network.classID linux.resources.network.priorities linux.resources.network.priorities[].name
        linux.resources.network.priorities[].priority linux.resources.rdma linux.cgroupsPath linux.rootfsPropagation
        linux.seccomp linux.seccomp.defaultAction linux.seccomp.defaultErrnoRet linux.seccomp.flags
        linux.seccomp.listenerPath linux.seccomp.listenerMetadata linux.seccomp.architectures linux.seccomp.syscalls
        linux.seccomp.syscalls[].names linux.seccomp.syscalls[].action linux.seccomp.syscalls[].errnoRet
        linux.seccomp.syscalls[].args linux.seccomp.syscalls[].args[].index linux.seccomp.syscalls[].args[].value
        linux.seccomp.syscalls[].args[].valueTwo linux.seccomp.syscalls[].args[].op linux.sysctl linux.maskedPaths
        linux.readonlyPaths linux.mountLabel linux.intelRdt linux.intelRdt.closID linux.intelRdt.schemata
        linux.intelRdt.l3CacheSchema linux.intelRdt.memBwSchema linux.intelRdt.enableMonitoring linux.memoryPolicy
        linux.memoryPolicy.mode linux.memoryPolicy.nodes linux.memoryPolicy.flags linux.personality
        linux.personality.domain linux.personality.flags linux.timeOffsets linux.timeOffsets.boottime
        linux.timeOffsets.boottime.secs linux.timeOffsets.boottime.nanosecs linux.timeOffsets.monotonic
        linux.timeOffsets.monotonic.secs linux.timeOffsets.monotonic.nanosecs
        """

    /// No value is what a plan would have without it.
    static func configuration() throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    }

    /// The value at a path; of arrays, that of the first element.
    static func value(_ keys: ArraySlice<String>, in tree: [String: Any]) -> Any? {
        guard let key = keys.first else { return nil }
        let name = key.hasSuffix("[]") ? String(key.dropLast(2)) : key
        if keys.count == 1 { return tree[name] }
        let child = key == name ? tree[name] : (tree[name] as? [Any])?.first
        return (child as? [String: Any]).flatMap { value(keys.dropFirst(), in: $0) }
    }

    /// The tree with another value at a path, or with none; of arrays, in the first element.
    static func setting(_ value: Any?, _ keys: ArraySlice<String>, in tree: [String: Any]) -> [String: Any] {
        guard let key = keys.first else { return tree }
        var tree = tree
        if keys.count == 1 {
            tree[key] = value
        } else if key.hasSuffix("[]") {
            let name = String(key.dropLast(2))
            var elements = tree[name] as? [Any] ?? []
            guard let first = elements.first as? [String: Any] else { return tree }
            elements[0] = setting(value, keys.dropFirst(), in: first)
            tree[name] = elements
        } else {
            tree[key] = setting(value, keys.dropFirst(), in: tree[key] as? [String: Any] ?? [:])
        }
        return tree
    }

    private static let json = """
        {
          "ociVersion": "1.3.0", "hostname": "h", "domainname": "d", "annotations": {"a": "b"},
          "root": {"path": "r", "readonly": true},
          "mounts": [
            {
              "destination": "/b", "type": "bind", "source": "/s", "options": ["ro"],
              "uidMappings": [{"containerID": 1, "hostID": 2, "size": 7}],
              "gidMappings": [{"containerID": 1, "hostID": 2, "size": 7}]
            },
            {"destination": "/t", "type": "tmpfs", "source": "s", "options": ["size=1"]}
          ],
          "hooks": {
            "prestart": [{"path": "/h", "args": ["a"], "env": ["A=1"], "timeout": 5}],
            "createRuntime": [{"path": "/h", "args": ["a"], "env": ["A=1"], "timeout": 5}],
            "createContainer": [{"path": "/h", "args": ["a"], "env": ["A=1"], "timeout": 5}],
            "startContainer": [{"path": "/h", "args": ["a"], "env": ["A=1"], "timeout": 5}],
            "poststart": [{"path": "/h", "args": ["a"], "env": ["A=1"], "timeout": 5}],
            "poststop": [{"path": "/h", "args": ["a"], "env": ["A=1"], "timeout": 5}]
          },
          "process": {
            "terminal": true, "consoleSize": {"height": 3, "width": 4}, "cwd": "/c", "args": ["a", "b"], "env": ["A=1"],
            "user": {"uid": 1, "gid": 2, "umask": 63, "additionalGids": [3]},
            "capabilities": {
              "bounding": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"],
              "inheritable": ["CAP_CHOWN"], "ambient": ["CAP_CHOWN"]
            },
            "apparmorProfile": "p", "selinuxLabel": "l", "oomScoreAdj": 5, "noNewPrivileges": true,
            "ioPriority": {"class": "IOPRIO_CLASS_RT", "priority": 4},
            "scheduler": {"policy": "SCHED_FIFO", "priority": 5, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
            "rlimits": [{"type": "RLIMIT_CORE", "soft": 1, "hard": 2}],
            "execCPUAffinity": {"initial": "0", "final": "1"}
          },
          "linux": {
            "devices": [{"type": "c", "path": "/dev/x", "major": 5, "minor": 6, "fileMode": 256, "uid": 7, "gid": 8}],
            "netDevices": {"eth0": {"name": "net0"}},
            "uidMappings": [{"containerID": 1, "hostID": 2, "size": 3}],
            "gidMappings": [{"containerID": 1, "hostID": 2, "size": 3}],
            "namespaces": [
              {"type": "network", "path": "/n"}, {"type": "mount"}, {"type": "uts"}, {"type": "ipc"}, {"type": "pid"},
              {"type": "user"}, {"type": "cgroup"}, {"type": "time"}
            ],
            "cgroupsPath": "/g", "rootfsPropagation": "private", "mountLabel": "m", "sysctl": {"net.core.somaxconn": "5"},
            "maskedPaths": ["/m"], "readonlyPaths": ["/o"],
            "timeOffsets": {"boottime": {"secs": 1, "nanosecs": 2}, "monotonic": {"secs": 3, "nanosecs": 4}},
            "personality": {"domain": "LINUX32"},
            "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
            "intelRdt": {
              "closID": "i", "schemata": ["L2:0=f"], "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=7",
              "enableMonitoring": true
            },
            "resources": {
              "unified": {"memory.high": "5"},
              "devices": [{"allow": true, "type": "c", "major": 9, "minor": 9, "access": "r"}],
              "pids": {"limit": 5},
              "blockIO": {
                "weight": 20, "leafWeight": 30, "weightDevice": [{"major": 8, "minor": 1, "weight": 20, "leafWeight": 30}],
                "throttleReadBpsDevice": [{"major": 8, "minor": 1, "rate": 5}],
                "throttleWriteBpsDevice": [{"major": 8, "minor": 1, "rate": 5}],
                "throttleReadIOPSDevice": [{"major": 8, "minor": 1, "rate": 5}],
                "throttleWriteIOPSDevice": [{"major": 8, "minor": 1, "rate": 5}]
              },
              "cpu": {
                "cpus": "0", "mems": "0", "period": 5000, "quota": 4000, "burst": 5, "realtimePeriod": 6,
                "realtimeRuntime": 5, "shares": 50, "idle": 1
              },
              "hugepageLimits": [{"pageSize": "2MB", "limit": 5}],
              "memory": {"limit": 500, "reservation": 50, "swap": 600, "swappiness": 5, "disableOOMKiller": true},
              "network": {"classID": 5, "priorities": [{"name": "eth0", "priority": 5}]},
              "rdma": {"mlx0": {"hcaHandles": 5}}
            },
            "seccomp": {
              "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5, "flags": ["SECCOMP_FILTER_FLAG_LOG"],
              "listenerPath": "/l", "listenerMetadata": "x",
              "architectures": ["SCMP_ARCH_X86"],
              "syscalls": [
                {
                  "names": ["kill"], "action": "SCMP_ACT_TRACE", "errnoRet": 6,
                  "args": [{"index": 1, "value": 5, "valueTwo": 6, "op": "SCMP_CMP_MASKED_EQ"}]
                },
                {"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}
              ]
            }
          }
        }
        """
}

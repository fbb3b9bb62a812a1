# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The property linux.namespaces: new ones, joined ones, none; and what lives in them."""

import os
import shutil
import subprocess

from suite import facts
from suite.expect import contains, equal, need, that
from suite.registry import check

KINDS = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup", "time": "time"}


def own(kind):
    """The suite's own namespace of a kind."""
    return os.readlink(f"/proc/self/ns/{KINDS.get(kind, kind)}")


def new_one(case, kind):
    """A listed namespace is new; one that is not listed is the runtime's."""
    need(facts.has_namespace(KINDS[kind]), f"the kernel has no {kind} namespaces")
    configuration = case.config("/probe", "report").namespace(kind)
    that(case.report(configuration)[f"ns.{KINDS[kind]}"] != own(kind), "it is the runtime's")
    if kind != "mount":
        equal(case.report(configuration.without_namespace(kind))[f"ns.{KINDS[kind]}"], own(kind))


def joined_one(case, kind):
    """A namespace with a path is that of the file, in create and in exec."""
    need(facts.has_namespace(KINDS[kind]), f"the kernel has no {kind} namespaces")
    first = case.up(case.config("/probe", "wait").namespace(kind))
    path = f"/proc/{first.pid}/ns/{KINDS[kind]}"
    second = case.up(case.config("/probe", "wait").namespace(kind, path))
    equal(os.readlink(f"/proc/{second.pid}/ns/{KINDS[kind]}"), os.readlink(path))
    outcome = second.exec("/probe", "report")
    contains(outcome.out, os.readlink(path), outcome.err)


@check
def pid_is_new(case):
    """linux.namespaces: type pid, a new one, in which the program is number 1 (config-linux.md, Namespaces)."""
    new_one(case, "pid")
    equal(case.report()["pid"], "1")


@check
def network_is_new(case):
    """linux.namespaces: type network, a new one, with its loopback up as in runc and crun (config-linux.md, Namespaces)."""
    new_one(case, "network")
    flags = case.shell("mount -t sysfs none /sys; cat /sys/class/net/lo/flags", case.config()
                       .namespace("network").capabilities("CAP_SYS_ADMIN"))
    that(int(flags, 16) & 1, f"the loopback is down: {flags}")


@check
def mount_is_new(case):
    """linux.namespaces: type mount, a new one (config-linux.md, Namespaces)."""
    new_one(case, "mount")


@check
def ipc_is_new(case):
    """linux.namespaces: type ipc, a new one (config-linux.md, Namespaces)."""
    new_one(case, "ipc")


@check
def uts_is_new(case):
    """linux.namespaces: type uts, a new one (config-linux.md, Namespaces)."""
    new_one(case, "uts")


@check
def cgroup_is_new(case):
    """linux.namespaces: type cgroup, whose root is the container's cgroup (config-linux.md, Namespaces)."""
    new_one(case, "cgroup")
    lines = case.shell("cat /proc/self/cgroup", case.config().namespace("cgroup")).splitlines()
    controllers = ("pids", "memory", "cpu", "devices") if facts.cgroup_mode() != "v2" else ("",)
    equal({line.split(":")[2] for line in lines if line.split(":")[1] in controllers}, {"/"})


@check
def time_is_new(case):
    """linux.namespaces: type time, a new one (config-linux.md, Namespaces)."""
    new_one(case, "time")


@check
def pid_is_joined(case):
    """linux.namespaces: type pid with a path (config-linux.md, Namespaces)."""
    joined_one(case, "pid")


@check
def network_is_joined(case):
    """linux.namespaces: type network with a path (config-linux.md, Namespaces)."""
    joined_one(case, "network")


@check
def ipc_is_joined(case):
    """linux.namespaces: type ipc with a path (config-linux.md, Namespaces)."""
    joined_one(case, "ipc")


@check
def uts_is_joined(case):
    """linux.namespaces: type uts with a path (config-linux.md, Namespaces)."""
    joined_one(case, "uts")


@check
def cgroup_is_joined(case):
    """linux.namespaces: type cgroup with a path (config-linux.md, Namespaces)."""
    joined_one(case, "cgroup")


@check
def time_is_joined(case):
    """linux.namespaces: type time with a path (config-linux.md, Namespaces)."""
    joined_one(case, "time")


@check
def every_kind_at_once(case):
    """linux.namespaces: a user namespace that owns all others (config-linux.md, Namespaces)."""
    need(os.path.exists("/proc/self/ns/user"), "the kernel has no user namespaces")
    configuration = case.config().user_namespace().namespace("network").namespace("cgroup")
    found = case.report(configuration)
    for kind in ("pid", "net", "mnt", "ipc", "uts", "cgroup", "user"):
        that(found[f"ns.{kind}"] != own(kind), f"{kind} is the runtime's")


@check
def user_maps_are_as_given(case):
    """linux.uidMappings, gidMappings: /proc/self/{uid,gid}_map (config-linux.md, User namespace mappings)."""
    configuration = case.config().user_namespace()
    configuration.linux["uidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 1000},
                                          {"containerID": 1000, "hostID": 300000, "size": 5}]
    text = case.shell("cat /proc/self/uid_map; echo -; cat /proc/self/gid_map", configuration)
    uids, gids = text.split("-")
    equal([line.split() for line in uids.strip().splitlines()], [["0", "200000", "1000"], ["1000", "300000", "5"]])
    equal(gids.split(), ["0", "100000", "65536"])


@check
def user_of_a_user_namespace(case):
    """process.user: IDs are those of the container's user namespace (config.md, User)."""
    configuration = case.config("/probe", "wait").user_namespace()
    configuration.process["user"] = {"uid": 7, "gid": 8, "additionalGids": [9]}
    container = case.up(configuration)
    status = facts.read(f"/proc/{container.pid}/status")
    contains(status, "Uid:\t100007\t100007")
    contains(status, "Gid:\t100008\t100008")
    contains(status.replace(" \n", "\n"), "Groups:\t100009")


@check
def user_is_joined(case):
    """linux.namespaces: type user with a path, and others that it owns (config-linux.md, Namespaces)."""
    first = case.up(case.config("/probe", "wait").user_namespace())
    configuration = case.config("/probe", "report").namespace("user", f"/proc/{first.pid}/ns/user")
    found = case.report(configuration)
    equal(found["ns.user"], os.readlink(f"/proc/{first.pid}/ns/user"))
    equal(found["uid"], "0 0 0")


@check
def a_kind_given_twice_is_refused(case):
    """linux.namespaces: two entries of one type are an error (config-linux.md, Namespaces)."""
    configuration = case.config()
    configuration.linux["namespaces"].append({"type": "ipc"})
    case.refused(configuration, "namespace", "ipc")


@check
def an_unknown_kind_is_refused(case):
    """linux.namespaces[].type: a type that the runtime does not know is an error (config-linux.md, Namespaces)."""
    case.refused(case.config().namespace("space"), "space")


@check
def a_path_that_is_missing_is_refused(case):
    """linux.namespaces[].path: a file that is not a namespace of this type is an error (config-linux.md, Namespaces)."""
    case.refused(case.config().namespace("ipc", "/no/such/file"), "no such file", "/no/such/file")


@check
def a_path_of_another_kind_is_refused(case):
    """linux.namespaces[].path: a namespace of another type is an error (config-linux.md, Namespaces)."""
    case.refused(case.config().namespace("ipc", "/proc/self/ns/uts"))


@check
def hostname_is_set(case):
    """hostname: the container's, not the host's (config.md, Hostname)."""
    configuration = case.config()
    configuration["hostname"] = "conformance.example"
    equal(case.report(configuration)["hostname"], "conformance.example")
    that(os.uname().nodename != "conformance.example", "the host's name was changed")


@check
def hostname_needs_a_namespace(case):
    """hostname: without a UTS namespace of its own an error: it would be the host's (config.md, Hostname)."""
    configuration = case.config().without_namespace("uts")
    configuration["hostname"] = "conformance.example"
    case.refused(configuration, "uts", "hostname")


@check
def domainname_is_set(case):
    """domainname: the container's NIS domain (config.md, Domainname)."""
    configuration = case.config()
    configuration["domainname"] = "domain.example"
    equal(case.report(configuration)["domainname"], "domain.example")


@check
def sysctls_are_written(case):
    """linux.sysctl: values of namespaced parameters (config-linux.md, Sysctl)."""
    configuration = case.config().namespace("network")
    configuration.linux["sysctl"] = {
        "net.ipv4.ip_forward": "1", "net.core.somaxconn": "321", "kernel.shmmni": "123", "fs.mqueue.msg_max": "9"}
    script = "cd /proc/sys; cat net/ipv4/ip_forward net/core/somaxconn kernel/shmmni fs/mqueue/msg_max"
    equal(case.shell(script, configuration).split(), ["1", "321", "123", "9"])


@check
def sysctls_of_the_host_are_refused(case):
    """linux.sysctl: none that is not of a namespace of the container's own (config-linux.md, Sysctl)."""
    for name, kind in (("vm.swappiness", None), ("kernel.panic", None), ("net.ipv4.ip_forward", None),
                       ("kernel.shmmni", "ipc"), ("fs.mqueue.msg_max", "ipc"), ("kernel.domainname", "uts"),
                       ("kernel/core_pattern", None), ("net/../kernel/core_pattern", None)):
        configuration = case.config()
        if kind:
            configuration.without_namespace(kind)
        configuration.linux["sysctl"] = {name: facts.read(f"/proc/sys/{name.replace('.', '/')}", "1").strip() or "1"}
        case.refused(configuration)


@check
def time_offsets_are_set(case):
    """linux.timeOffsets: seconds of the clocks of a new time namespace (config-linux.md, Offset for Time Namespace)."""
    need(facts.has_namespace("time"), "the kernel has no time namespaces")
    before = case.report()
    configuration = case.config().namespace("time")
    configuration.linux["timeOffsets"] = {"monotonic": {"secs": 1000000, "nanosecs": 5}, "boottime": {"secs": 2000000}}
    found = case.report(configuration)
    for clock, offset in (("monotonic", 1000000), ("boottime", 2000000)):
        that(offset <= int(found[clock]) - int(before[clock]) < offset + 1000, f"{clock}: {before[clock]}, {found[clock]}")


@check
def time_offsets_need_a_namespace(case):
    """linux.timeOffsets: an error without a time namespace (config-linux.md, Offset for Time Namespace)."""
    configuration = case.config()
    configuration.linux["timeOffsets"] = {"monotonic": {"secs": 1}}
    case.refused(configuration, "time")


@check
def the_cgroup_of_an_exec_is_in_its_namespace(case):
    """linux.namespaces: exec joins every namespace of the container (config-linux.md, Namespaces)."""
    configuration = case.config("/probe", "wait").namespace("network").namespace("cgroup")
    container = case.up(configuration)
    found = container.exec("/probe", "report").out
    for kind in ("pid", "net", "mnt", "ipc", "uts", "cgroup"):
        contains(found, f"ns.{kind}={os.readlink(f'/proc/{container.pid}/ns/{kind}')}\n")


@check
def network_devices_are_moved(case):
    """linux.netDevices: a device of the runtime's namespace is moved and renamed (config-linux.md, Network Devices)."""
    name = f"conf{os.getpid() % 100000}"
    made = subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}p"], capture_output=True, check=False) \
        if shutil.which("ip") else None
    need(made and made.returncode == 0, "no ip(8), or no pairs of network devices")
    case.cleanups.append(lambda: subprocess.run(["ip", "link", "del", name], capture_output=True, check=False))
    configuration = case.config().namespace("network")
    configuration.linux["netDevices"] = {name: {"name": "moved0"}}
    contains(case.shell("cat /proc/net/dev", configuration), "moved0:")


@check
def a_missing_network_device_is_refused(case):
    """linux.netDevices: a device that is not there is an error (config-linux.md, Network Devices)."""
    configuration = case.config().namespace("network")
    configuration.linux["netDevices"] = {"nosuchdevice0": {}}
    case.refused(configuration)

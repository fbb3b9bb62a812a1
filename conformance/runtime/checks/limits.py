# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The property linux.resources, read back from the files of the container's cgroup; and linux.cgroupsPath."""

import json
import os

from suite import cgroups, facts
from suite.container import until
from suite.expect import contains, equal, need, that
from suite.registry import check

V2 = facts.cgroup_mode() == "v2"


def limited(case, controller, **resources):
    """A running container with limits of a controller, which must be here."""
    need(controller in facts.controllers(), f"no controller {controller} in cgroups {facts.cgroup_mode()}")
    return case.up(case.config("/probe", "wait").resources(**resources))


def equal_limit(container, controller, legacy, unified):
    """One file of v1 or of v2 has a value; each is given as (name, value), or None where the version has none."""
    chosen = unified if V2 else legacy
    if chosen:
        equal(container.limit(controller, chosen[0]), str(chosen[1]), chosen[0])


@check
def path_is_the_one_given(case):
    """linux.cgroupsPath: an absolute path is below the mount of the hierarchy (config-linux.md, Cgroups Path)."""
    need("--systemd-cgroup" not in case.runtime.options, "systemd has paths of its own")
    container = case.up()
    path = container.configuration.linux["cgroupsPath"]
    that(container.cgroup("pids").endswith(path), container.cgroup("pids"))


@check
def every_controller_is_entered(case):
    """linux.cgroupsPath: the process is below it in every hierarchy (config-linux.md, Cgroups Path)."""
    need("--systemd-cgroup" not in case.runtime.options, "systemd has paths of its own")
    container = case.up()
    path = container.configuration.linux["cgroupsPath"]
    lines = facts.read(f"/proc/{container.pid}/cgroup").splitlines()
    inside = {name for line in lines if line.endswith(path) for name in line.split(":")[1].split(",")}
    contains(inside, "" if V2 else "pids")
    if not V2:
        equal({"cpu", "memory", "pids", "devices", "freezer"} & facts.controllers() - inside, set())


@check
def no_path_is_a_path_of_the_runtime(case):
    """linux.cgroupsPath: without it the runtime chooses one that is the container's own (config-linux.md, Cgroups Path)."""
    first, second = case.config("/probe", "wait"), case.config("/probe", "wait")
    for configuration in (first, second):
        del configuration.linux["cgroupsPath"]
    places = [container.cgroup("pids") for container in (case.up(first), case.up(second))]
    that(places[0] != places[1], places)


@check
def memory_limit(case):
    """resources.memory.limit (config-linux.md, Memory)."""
    container = limited(case, "memory", memory={"limit": 64 << 20})
    equal_limit(container, "memory", ("memory.limit_in_bytes", 64 << 20), ("memory.max", 64 << 20))


@check
def memory_reservation(case):
    """resources.memory.reservation (config-linux.md, Memory)."""
    container = limited(case, "memory", memory={"limit": 64 << 20, "reservation": 32 << 20})
    equal_limit(container, "memory", ("memory.soft_limit_in_bytes", 32 << 20), ("memory.low", 32 << 20))


@check
def memory_and_swap(case):
    """resources.memory.swap: memory and swap together; v2 counts swap alone (config-linux.md, Memory)."""
    name = "memory.swap.max" if V2 else "memory.memsw.limit_in_bytes"
    probe = case.up()
    need(os.path.exists(f"{probe.cgroup('memory')}/{name}"), "the kernel does not count swap")
    container = limited(case, "memory", memory={"limit": 64 << 20, "swap": 96 << 20})
    equal_limit(container, "memory", ("memory.memsw.limit_in_bytes", 96 << 20), ("memory.swap.max", 32 << 20))


@check
def memory_without_a_limit(case):
    """resources.memory.limit: -1 is no limit (config-linux.md, Memory)."""
    container = limited(case, "memory", memory={"limit": -1})
    if V2:
        equal(container.limit("memory", "memory.max"), "max")
    else:
        that(int(container.limit("memory", "memory.limit_in_bytes")) > 1 << 50, "it is limited")


@check
def memory_swappiness(case):
    """resources.memory.swappiness, of v1 (config-linux.md, Memory)."""
    need(not V2, "cgroups v2 have no swappiness")
    container = limited(case, "memory", memory={"swappiness": 33})
    equal_limit(container, "memory", ("memory.swappiness", 33), None)


@check
def memory_without_oom_killer(case):
    """resources.memory.disableOOMKiller, of v1 (config-linux.md, Memory)."""
    need(not V2, "cgroups v2 have no such switch")
    container = limited(case, "memory", memory={"limit": 64 << 20, "disableOOMKiller": True})
    contains(container.limit("memory", "memory.oom_control"), "oom_kill_disable 1")


@check
def memory_limit_holds(case):
    """resources.memory.limit: who takes more is killed (config-linux.md, Memory)."""
    need("memory" in facts.controllers(), "no memory controller")
    configuration = case.config("/probe", "eat", "200").resources(memory={"limit": 32 << 20, "swap": 32 << 20})
    equal(case.container(configuration).run().status, 137)


@check
def memory_limit_below_usage_is_an_error(case):
    """resources.memory.limit: one that nothing can run in is an error or an end, not a hang (config-linux.md, Memory)."""
    need("memory" in facts.controllers(), "no memory controller")
    container = case.container(case.config("/bin/true").resources(memory={"limit": 4096}))
    outcome = container.run()
    that(outcome.status != 0, "it ran in a page")


@check
def cpu_shares(case):
    """resources.cpu.shares; on v2 a weight made of it (config-linux.md, CPU)."""
    container = limited(case, "cpu", cpu={"shares": 2048})
    if not V2:
        equal(container.limit("cpu", "cpu.shares"), "2048")
    else:
        # Two conversions are in use: linear, and one that keeps the default at 100.
        contains(("79", "174"), container.limit("cpu", "cpu.weight"))


@check
def cpu_quota_and_period(case):
    """resources.cpu.quota and period (config-linux.md, CPU)."""
    container = limited(case, "cpu", cpu={"quota": 40000, "period": 80000})
    equal_limit(container, "cpu", ("cpu.cfs_quota_us", 40000), ("cpu.max", "40000 80000"))
    equal_limit(container, "cpu", ("cpu.cfs_period_us", 80000), None)


@check
def cpu_quota_alone(case):
    """resources.cpu.quota: with the kernel's period (config-linux.md, CPU)."""
    container = limited(case, "cpu", cpu={"quota": 30000})
    equal_limit(container, "cpu", ("cpu.cfs_quota_us", 30000), ("cpu.max", "30000 100000"))


@check
def cpu_burst(case):
    """resources.cpu.burst (config-linux.md, CPU)."""
    name = "cpu.max.burst" if V2 else "cpu.cfs_burst_us"
    need(os.path.exists(f"{case.up().cgroup('cpu')}/{name}"), "the kernel has no bursts")
    container = limited(case, "cpu", cpu={"quota": 40000, "period": 80000, "burst": 20000})
    equal_limit(container, "cpu", ("cpu.cfs_burst_us", 20000), ("cpu.max.burst", 20000))


@check
def cpu_idle(case):
    """resources.cpu.idle (config-linux.md, CPU)."""
    need(os.path.exists(f"{case.up().cgroup('cpu')}/cpu.idle"), "the kernel has no idle cgroups")
    container = limited(case, "cpu", cpu={"idle": 1})
    equal_limit(container, "cpu", ("cpu.idle", 1), ("cpu.idle", 1))


@check
def cpu_sets(case):
    """resources.cpu.cpus and mems (config-linux.md, CPU)."""
    container = limited(case, "cpuset", cpu={"cpus": "0", "mems": "0"})
    for name in ("cpuset.cpus", "cpuset.mems"):
        equal_limit(container, "cpuset", (name, 0), (name, 0))
    contains(container.exec("/probe", "report").out, "affinity=0\n")


@check
def pids_limit(case):
    """resources.pids.limit: read back, and it holds (config-linux.md, PIDs)."""
    container = limited(case, "pids", pids={"limit": 23})
    equal_limit(container, "pids", ("pids.max", 23), ("pids.max", 23))
    equal(case.run(case.config("/probe", "forks", "40").resources(pids={"limit": 23})), "22\n")


@check
def pids_without_a_limit(case):
    """resources.pids.limit: -1 is no limit (config-linux.md, PIDs)."""
    container = limited(case, "pids", pids={"limit": -1})
    equal_limit(container, "pids", ("pids.max", "max"), ("pids.max", "max"))


@check
def block_weight(case):
    """resources.blockIO.weight (config-linux.md, Block IO)."""
    controller = "io" if V2 else "blkio"
    need(controller in facts.controllers(), "no block controller")
    names = ("io.bfq.weight", "io.weight") if V2 else ("blkio.bfq.weight", "blkio.weight")
    place = case.up().cgroup(controller)
    need(any(os.path.exists(f"{place}/{name}") for name in names), "the kernel has no weights of block devices")
    container = limited(case, controller, blockIO={"weight": 300})
    found = [facts.read(f"{container.cgroup(controller)}/{name}") for name in names]
    that(any("300" in text or "2930" in text for text in found), found)


@check
def block_throttles(case):
    """resources.blockIO.throttle...Device: bytes and operations per second (config-linux.md, Block IO)."""
    controller = "io" if V2 else "blkio"
    need(controller in facts.controllers(), "no block controller")
    devices = [name for name in os.listdir("/sys/block") if os.path.exists(f"/sys/block/{name}/dev")]
    need(devices, "no block device")
    major, minor = map(int, facts.read(f"/sys/block/{devices[0]}/dev").split(":"))
    rates = {"throttleReadBpsDevice": 1 << 20, "throttleWriteBpsDevice": 2 << 20, "throttleReadIOPSDevice": 300,
             "throttleWriteIOPSDevice": 400}
    container = limited(case, controller, blockIO={
        name: [{"major": major, "minor": minor, "rate": rate}] for name, rate in rates.items()})
    if V2:
        equal(container.limit("io", "io.max"), f"{major}:{minor} rbps=1048576 wbps=2097152 riops=300 wiops=400")
    else:
        for name, rate in (("read_bps", 1 << 20), ("write_bps", 2 << 20), ("read_iops", 300), ("write_iops", 400)):
            equal(container.limit("blkio", f"blkio.throttle.{name}_device"), f"{major}:{minor} {rate}")


@check
def huge_pages(case):
    """resources.hugepageLimits (config-linux.md, Huge page limits)."""
    container = limited(case, "hugetlb", hugepageLimits=[{"pageSize": "2MB", "limit": 4 << 20}])
    equal_limit(container, "hugetlb", ("hugetlb.2MB.limit_in_bytes", 4 << 20), ("hugetlb.2MB.max", 4 << 20))


@check
def network_class(case):
    """resources.network.classID, of v1 (config-linux.md, Network)."""
    need(not V2 and "net_cls" in facts.controllers(), "no controller net_cls")
    container = limited(case, "net_cls", network={"classID": 0x100001})
    equal(int(container.limit("net_cls", "net_cls.classid")), 0x100001)


@check
def unified_files(case):
    """resources.unified: files of v2 by their names (config-linux.md, Unified)."""
    need(V2, "cgroups v1 have no unified files")
    container = limited(case, "memory", unified={"memory.high": str(48 << 20), "pids.max": "55"})
    equal((container.limit("memory", "memory.high"), container.limit("pids", "pids.max")), (str(48 << 20), "55"))


@check
def unified_files_that_are_wrong(case):
    """resources.unified: an unknown file or a path is an error (config-linux.md, Unified)."""
    need(V2, "cgroups v1 have no unified files")
    for name in ("memory.nosuch", "nosuch.max", "../cgroup.procs", "/memory.max"):
        case.refused(case.config().resources(unified={name: "1"}))


@check
def values_that_are_wrong(case):
    """linux.resources: what the kernel refuses is an error (runtime.md, Errors)."""
    case.refused(case.config().resources(cpu={"cpus": "999"}))
    case.refused(case.config().resources(cpu={"quota": 1, "period": 1}))


@check
def a_missing_controller_is_an_error(case):
    """linux.resources: a limit whose controller is not here is an error (runtime.md, Errors)."""
    need(not V2 and "hugetlb" not in facts.controllers(), "the controller hugetlb is here")
    case.refused(case.config().resources(hugepageLimits=[{"pageSize": "2MB", "limit": 4 << 20}]))


@check
def intel_rdt_needs_its_filesystem(case):
    """linux.intelRdt: an error where /sys/fs/resctrl is not mounted (config-linux.md, IntelRdt)."""
    need(" /sys/fs/resctrl " not in facts.read("/proc/self/mounts"), "resctrl is mounted")
    configuration = case.config()
    configuration.linux["intelRdt"] = {"closID": "skiff-conformance", "l3CacheSchema": "L3:0=ffff0"}
    case.refused(configuration)


@check
def update_changes_limits(case):
    """Update: options and a file of `linux.resources` on a running container (convention of runc and crun)."""
    container = limited(case, "memory", memory={"limit": 64 << 20}, pids={"limit": 20})
    container.must("update", "--pids-limit", "33", container.id)
    equal_limit(container, "pids", ("pids.max", 33), ("pids.max", 33))
    container.must("update", "--memory", str(48 << 20), container.id)
    equal_limit(container, "memory", ("memory.limit_in_bytes", 48 << 20), ("memory.max", 48 << 20))
    resources = json.dumps({"cpu": {"quota": 20000, "period": 100000}})
    container.must("update", "--resources", "-", container.id, input=resources)
    equal_limit(container, "cpu", ("cpu.cfs_quota_us", 20000), ("cpu.max", "20000 100000"))
    container.must("update", "--resources", case.path("new", json.dumps({"pids": {"limit": 44}})), container.id)
    equal_limit(container, "pids", ("pids.max", 44), ("pids.max", 44))


@check
def cgroups_made_inside_are_removed(case):
    """Delete: cgroups that the container made below its own go with it (runtime.md, Delete)."""
    configuration = case.config().namespace("cgroup").capabilities("CAP_SYS_ADMIN")
    configuration.mount("/sys", "sysfs", "sysfs").mount("/sys/fs/cgroup", "cgroup", "cgroup", "rw")
    place = "/sys/fs/cgroup" if V2 else "/sys/fs/cgroup/pids"
    script = f"mkdir -p {place}/one/two && echo made; (echo 0 >{place}/one/two/cgroup.procs; exec sleep 1000) & wait"
    container = case.up(configuration.shell(script)).wrote("made")
    that(os.path.isdir(f"{container.cgroup('pids')}/one/two"), "it could not make any")
    container.delete("--force")
    equal(cgroups.below(configuration.linux["cgroupsPath"]), [])


@check
def a_frozen_container_is_killed(case):
    """Delete --force: frozen processes, those of exec too, end (convention of runc and crun)."""
    container = case.up()
    container.must("exec", "--detach", container.id, "/bin/sleep", "1000")
    container.must("pause", container.id)
    place = container.cgroup("pids")
    container.delete("--force")
    until(lambda: not os.path.exists(place), f"\"{place}\" is gone")

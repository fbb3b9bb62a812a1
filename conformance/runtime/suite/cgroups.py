# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Where cgroups are, in each mode."""

import os

from suite import facts
from suite.expect import that


def hierarchies():
    """The folders in which hierarchies of cgroups are mounted, each once."""
    found = []
    for line in facts.read("/proc/self/mounts").splitlines():
        _, folder, kind, *_ = line.split()
        if kind in ("cgroup", "cgroup2") and folder.startswith(facts.CGROUP_ROOT):
            found.append(folder)
    return found


def folder(pid, controller):
    """The folder of a process' cgroup in the hierarchy of a controller."""
    v2 = facts.cgroup_mode() == "v2"
    for line in facts.read(f"/proc/{pid}/cgroup").splitlines():
        number, names, path = line.split(":", 2)
        if v2 and number == "0":
            return facts.CGROUP_ROOT + path
        if not v2 and controller in names.split(","):
            return f"{facts.CGROUP_ROOT}/{controller}{path}"
    that(False, f"process {pid} is in no cgroup of {controller}")


def below(path):
    """Every folder of cgroups named like `path` in each hierarchy, and those in it, deepest first."""
    found = []
    for hierarchy in hierarchies():
        for place, _, _ in os.walk(f"{hierarchy}/{path.strip('/')}", topdown=False):
            found.append(place)
    return found


def members(place):
    """The processes in a cgroup."""
    return [int(pid) for pid in facts.read(f"{place}/cgroup.procs").split()]

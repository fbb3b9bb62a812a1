# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""What this machine has. Checks leave when it lacks what they need; nothing else may make them leave."""

import os
import platform
import re

CGROUP_ROOT = "/sys/fs/cgroup"

CAPABILITIES = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP
MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()


def capability_mask(*names):
    """The bits of capabilities, named without CAP_."""
    return sum(1 << CAPABILITIES.index(name) for name in names)


def read(path, default=""):
    """The text of a file, or `default` if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return default


def kernel():
    """The kernel's version as two numbers."""
    return tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2])


def cgroup_mode():
    """`v2`, `hybrid` (v1 with a hierarchy of v2 beside it) or `v1`."""
    types = {line.split()[2] for line in read("/proc/self/mounts").splitlines() if line.split()[1] == CGROUP_ROOT}
    if "cgroup2" in types:
        return "v2"
    return "hybrid" if os.path.exists(f"{CGROUP_ROOT}/unified/cgroup.procs") else "v1"


def controllers():
    """The cgroup controllers in the mode in use."""
    if cgroup_mode() == "v2":
        return set(read(f"{CGROUP_ROOT}/cgroup.controllers").split())
    found = set()
    for line in read("/proc/self/cgroup").splitlines():
        _, names, _ = line.split(":", 2)
        found.update(name for name in names.split(",") if name and os.path.isdir(f"{CGROUP_ROOT}/{name}"))
    return found


def has_capability(name):
    """Whether this process may use a capability, named without CAP_."""
    effective = re.search(r"^CapEff:\s*(\w+)", read("/proc/self/status"), re.M)
    return bool(effective) and bool(int(effective[1], 16) & capability_mask(name))


def has_namespace(kind):
    """Whether the kernel has namespaces of a kind, named as in /proc/self/ns."""
    return os.path.exists(f"/proc/self/ns/{kind}")


def has_security_module(name):
    """Whether a security module such as `apparmor` is active."""
    return name in read("/sys/kernel/security/lsm").strip().split(",") or (
        name == "apparmor" and read("/sys/module/apparmor/parameters/enabled").startswith("Y"))


def has_selinux_policy():
    """Whether SELinux has a policy; without one it knows only the labels that it starts with, such as `unlabeled`."""
    return bool(os.path.isdir("/sys/fs/selinux/class") and os.listdir("/sys/fs/selinux/class"))


def has_filesystem(name):
    """Whether the kernel knows a filesystem."""
    return any(line.split()[-1] == name for line in read("/proc/filesystems").splitlines())

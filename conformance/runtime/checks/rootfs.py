# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The root of the container: root, rootfsPropagation, maskedPaths, readonlyPaths."""

import json
import os

from suite import facts
from suite.expect import contains, equal, lacks, need, that
from suite.registry import check


@check
def root_is_the_folder_of_the_bundle(case):
    """root.path: relative to the bundle, or absolute (config.md, Root)."""
    container = case.container(case.config("/bin/cat", "/mark"))
    rootfs = f"{container.bundle}/rootfs"
    with open(f"{rootfs}/mark", "w", encoding="utf-8") as file:
        file.write("here")
    equal(container.run().out, "here")
    configuration = case.config("/bin/cat", "/mark")
    configuration["root"]["path"] = rootfs
    equal(case.container(configuration, rootfs=False).run().out, "here")


@check
def root_is_writable(case):
    """root.readonly: false by default (config.md, Root)."""
    equal(case.shell("echo x >/new && cat /new"), "x")


@check
def root_is_read_only(case):
    """root.readonly: true, the root filesystem MUST be read-only; what is mounted on it may be written (config.md, Root)."""
    configuration = case.config().mount("/tmp", "tmpfs", "tmpfs")
    configuration["root"]["readonly"] = True
    equal(case.shell("touch /new 2>&1 | grep -c 'Read-only'; touch /tmp/x && echo ok", configuration).split(), ["1", "ok"])


@check
def root_cannot_be_left(case):
    """The root of the host cannot be reached by `..` or chroot (config.md, Root; chroot(2))."""
    equal(case.shell("cd /; cd ..; pwd; ls / | sort | head -n 3; mkdir /tmp/j; cd /; cat /../../../etc/passwd | head -n 1")
          .splitlines()[-1], "root:x:0:0:root:/root:/bin/sh")


@check
def a_missing_root_is_refused(case):
    """root.path: a folder MUST exist there (config.md, Root)."""
    configuration = case.config()
    configuration["root"]["path"] = "nowhere"
    case.refused(configuration, "no such file", "rootfs", "nowhere")


@check
def a_missing_root_property_is_refused(case):
    """root: REQUIRED on Linux (config.md, Root)."""
    configuration = case.config()
    del configuration["root"]
    case.refused(configuration, "root")


def propagation(case, name):
    """The optional fields of the mount of the container's root."""
    configuration = case.config()
    if name:
        configuration.linux["rootfsPropagation"] = name
    text = case.shell("cat /proc/self/mountinfo", configuration)
    line = next(line.split() for line in text.splitlines() if line.split()[4] == "/")
    return line[6:line.index("-")]


@check
def propagation_private(case):
    """linux.rootfsPropagation: private, and so without it (config-linux.md, Rootfs Mount Propagation)."""
    equal(propagation(case, "private"), [])


@check
def propagation_shared(case):
    """linux.rootfsPropagation: shared (config-linux.md, Rootfs Mount Propagation)."""
    that(any(word.startswith("shared:") for word in propagation(case, "shared")), "the root is not shared")


@check
def propagation_slave(case):
    """linux.rootfsPropagation: slave does not share with the host (config-linux.md, Rootfs Mount Propagation)."""
    that(not any(word.startswith("shared:") for word in propagation(case, "slave")), "the root is shared")


@check
def propagation_unbindable(case):
    """linux.rootfsPropagation: unbindable (config-linux.md, Rootfs Mount Propagation)."""
    equal(propagation(case, "unbindable"), ["unbindable"])


@check
def an_unknown_propagation_is_refused(case):
    """linux.rootfsPropagation: one of four (config-linux.md, Rootfs Mount Propagation)."""
    configuration = case.config()
    configuration.linux["rootfsPropagation"] = "sideways"
    case.refused(configuration, "sideways", "propagation")


@check
def mounts_of_the_container_stay_inside(case):
    """Whatever the propagation, a mount made in the container is not seen outside of it (config-linux.md)."""
    for name in ("private", "slave", "shared"):
        configuration = case.config().capabilities("CAP_SYS_ADMIN")
        configuration.linux["rootfsPropagation"] = name
        container = case.up(configuration.shell("mount -t tmpfs marked /mnt; mkdir -p /mnt; mount -t tmpfs marked /mnt; "
                                                "echo ready; while :; do sleep 1; done")).wrote("ready")
        lacks(facts.read("/proc/self/mountinfo"), f"{container.bundle}/rootfs/mnt", name)
        container.delete("--force")


@check
def masked_files_and_folders(case):
    """linux.maskedPaths: MUST NOT be readable; a file reads as empty, a folder as empty (config-linux.md, Masked Paths)."""
    configuration = case.config()
    configuration.linux["maskedPaths"] = ["/etc/passwd", "/home", "/proc/version", "/proc/fs", "/not/there"]
    script = "cat /etc/passwd /proc/version; ls /home /proc/fs | grep -v :; touch /home/x 2>/dev/null || echo no"
    equal(case.shell(script, configuration).split(), ["no"])


@check
def masked_paths_hold_against_links(case):
    """linux.maskedPaths: with /dev/null of the image a link, the mask is not what the link names (CVE-2025-31133)."""
    container = case.container(case.config().shell("cat /proc/version 2>/dev/null; cat /secret; echo end"))
    configuration = container.configuration
    configuration["mounts"] = configuration["mounts"][:1]
    configuration.linux["maskedPaths"] = ["/proc/version"]
    rootfs = f"{container.bundle}/rootfs"
    with open(f"{rootfs}/secret", "w", encoding="utf-8") as file:
        file.write("secret\n")
    os.symlink("/secret", f"{rootfs}/dev/null")
    with open(f"{container.bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(configuration, file)
    outcome = container.run()
    if outcome.status == 0:
        equal(outcome.out, "secret\nend\n")


@check
def readonly_paths(case):
    """linux.readonlyPaths: MUST be read-only, files and folders (config-linux.md, Readonly Paths)."""
    configuration = case.config().mount("/opt", "tmpfs", "tmpfs")
    configuration.linux["readonlyPaths"] = ["/etc/passwd", "/opt", "/proc/sys", "/not/there"]
    script = ("for f in /etc/passwd /proc/sys/kernel/shmmni; do /probe open $f w; done; touch /opt/x 2>/dev/null || echo no;"
              "head -n 1 /etc/passwd")
    equal(case.shell(script, configuration).split()[:3], ["EROFS", "EROFS", "no"])


@check
def masked_and_readonly_paths_are_absolute(case):
    """linux.maskedPaths, readonlyPaths: MUST be absolute; a relative one masks nothing else (config-linux.md)."""
    for name in ("maskedPaths", "readonlyPaths"):
        configuration = case.config("/bin/true")
        configuration.linux[name] = ["etc"]
        container = case.container(configuration)
        outcome = container.run()
        that(outcome.status == 0 or outcome.message, f"{name}: refused without a message")


@check
def mount_label_needs_selinux(case):
    """linux.mountLabel: applied, or an error where the kernel has no SELinux (config-linux.md, Mount Label)."""
    # Without a policy the kernel takes no label for a mount.
    need(not facts.has_selinux_policy(), "SELinux has a policy: labels are the host's")
    configuration = case.config()
    configuration.linux["mountLabel"] = "system_u:object_r:container_file_t:s0"
    case.refused(configuration)


@check
def the_hosts_files_are_not_changed(case):
    """Masks, read-only paths and devices leave the bundle's files as they were (runtime.md, Create)."""
    configuration = case.config("/bin/true")
    configuration.linux["maskedPaths"] = ["/etc/passwd"]
    configuration.linux["readonlyPaths"] = ["/etc/group"]
    container = case.container(configuration)
    container.run()
    contains(facts.read(f"{container.bundle}/rootfs/etc/passwd"), "root")
    with open(f"{container.bundle}/rootfs/etc/group", "a", encoding="utf-8") as file:
        file.write("more:x:5:\n")

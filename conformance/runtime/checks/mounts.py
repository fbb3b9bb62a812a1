# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The property mounts: what is mounted where, with which options."""

import os

from suite import facts
from suite.expect import contains, equal, lacks, need, that
from suite.registry import check


def entry(case, configuration, place, before="true"):
    """The line of /proc/self/mountinfo of a place in the container, as words; the last one there counts."""
    text = case.shell(f"{before} >/dev/null; cat /proc/self/mountinfo", configuration)
    lines = [line.split() for line in text.splitlines() if line.split()[4] == place]
    that(lines, f"nothing is mounted on {place}: {text}")
    return lines[-1]


def options(line):
    """The options of a mount itself."""
    return set(line[5].split(","))


def superblock(line):
    """The options of its filesystem."""
    return set(line[-1].split(","))


@check
def bind_shows_the_source(case):
    """mounts: a bind of a folder and of a file, read and written on both sides (config.md, Mounts)."""
    folder, file = case.directory("source"), case.path("file", "from the host\n")
    configuration = case.config().bind(folder, "/mnt/folder").bind(file, "/etc/file")
    equal(case.shell("cat /etc/file; echo back >/mnt/folder/new", configuration), "from the host")
    equal(facts.read(f"{folder}/new"), "back\n")


@check
def order_is_kept(case):
    """mounts: MUST be mounted in the listed order (config.md, Mounts)."""
    first, second = case.directory("first"), case.directory("second")
    case.path("first/name", "first"), case.path("second/name", "second")
    equal(case.shell("cat /mnt/name", case.config().bind(first, "/mnt").bind(second, "/mnt")), "second")
    configuration = case.config().mount("/a", "tmpfs", "tmpfs").mount("/a/b", "tmpfs", "tmpfs").mount("/a/b/c", "tmpfs", "t")
    equal(case.shell("grep -q ' /a/b/c ' /proc/self/mountinfo && echo yes", configuration), "yes")


@check
def destinations_are_made(case):
    """mounts[].destination: made where it is missing, a folder or a file as the source (convention of runc and crun)."""
    configuration = case.config().bind(case.directory("source"), "/new/deep/folder")
    configuration.bind(case.path("file", "text"), "/new/deep/file")
    equal(case.shell("test -d /new/deep/folder && cat /new/deep/file", configuration), "text")


@check
def a_relative_source_is_below_the_bundle(case):
    """mounts[].source: for bind mounts, relative to the bundle (config.md, Mounts)."""
    container = case.container(case.config("/bin/cat", "/etc/file").bind("here", "/etc/file"))
    with open(f"{container.bundle}/here", "w", encoding="utf-8") as file:
        file.write("found")
    equal(container.run().out, "found")


@check
def a_missing_source_is_refused(case):
    """mounts[].source: a bind of what is not there is an error (config.md, Mounts)."""
    outcome = case.refused(case.config().bind("/no/such/source", "/mnt"), "no such file")
    contains(outcome.message, "/no/such/source")


@check
def flags_of_a_bind(case):
    """mounts[].options: ro, nosuid, nodev, noexec, noatime, nodiratime of a bind (config.md, Linux mount options)."""
    source = case.directory("source")
    for option in ("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"):
        contains(options(entry(case, case.config().bind(source, "/mnt", option), "/mnt")), option)
    line = entry(case, case.config().bind(source, "/mnt", "ro", "nosuid", "nodev", "noexec"), "/mnt")
    that(options(line) >= {"ro", "nosuid", "nodev", "noexec"}, line)


@check
def the_last_of_opposites_counts(case):
    """mounts[].options: rw after ro, exec after noexec: the later one (mount(8))."""
    configuration = case.config().bind(case.directory("source"), "/mnt", "ro", "noexec", "rw", "exec")
    found = options(entry(case, configuration, "/mnt"))
    that("rw" in found and "noexec" not in found, found)


@check
def flags_of_a_new_filesystem(case):
    """mounts[].options: flags of the mount and data of the filesystem (config.md, Linux mount options)."""
    configuration = case.config().mount("/mnt", "tmpfs", "named", "nosuid", "noexec", "size=512k", "mode=0711", "uid=7")
    line = entry(case, configuration, "/mnt")
    that(options(line) >= {"nosuid", "noexec"}, line)
    that(superblock(line) >= {"size=512k", "mode=711", "uid=7"}, line)
    equal(line[-2], "named")


@check
def read_only_holds(case):
    """mounts[].options: nothing is written to what is `ro` (config.md, Linux mount options)."""
    configuration = case.config().bind(case.directory("source"), "/mnt", "ro").mount("/ram", "tmpfs", "tmpfs", "ro")
    equal(case.shell("touch /mnt/x 2>/dev/null || echo no; touch /ram/x 2>/dev/null || echo no", configuration).split(),
          ["no", "no"])


@check
def access_times_as_asked(case):
    """mounts[].options: noatime, relatime, strictatime (config.md, Linux mount options)."""
    contains(options(entry(case, case.config().mount("/mnt", "tmpfs", "t", "noatime"), "/mnt")), "noatime")
    contains(options(entry(case, case.config().mount("/mnt", "tmpfs", "t", "relatime"), "/mnt")), "relatime")
    found = options(entry(case, case.config().mount("/mnt", "tmpfs", "t", "strictatime"), "/mnt"))
    that(not found & {"noatime", "relatime"}, found)


@check
def synchronous_ones(case):
    """mounts[].options: sync and dirsync (config.md, Linux mount options)."""
    contains(superblock(entry(case, case.config().mount("/mnt", "tmpfs", "t", "sync"), "/mnt")), "sync")
    contains(superblock(entry(case, case.config().mount("/mnt", "tmpfs", "t", "dirsync"), "/mnt")), "dirsync")


@check
def no_symlinks_followed(case):
    """mounts[].options: nosymfollow (config.md, Linux mount options)."""
    need(facts.kernel() >= (5, 10), "the kernel is older than 5.10")
    contains(options(entry(case, case.config().mount("/mnt", "tmpfs", "t", "nosymfollow"), "/mnt")), "nosymfollow")


@check
def plain_bind_is_not_recursive(case):
    """mounts[].options: bind shows one mount, rbind those below it too (config.md, Linux mount options)."""
    source = tree(case)
    equal(case.shell("ls /mnt/below", case.config().bind(source, "/mnt")), "")
    equal(case.shell("ls /mnt/below", case.config().mount("/mnt", "bind", source, "rbind")), "seen")


def tree(case):
    """A folder with a tmpfs on `below`, which holds a file."""
    source = case.directory("source")
    os.mkdir(f"{source}/below")
    os.system(f"mount -t tmpfs skiff-conformance {source}/below && touch {source}/below/seen")
    case.cleanups.append(lambda: os.system(f"umount {source}/below"))
    return source


@check
def recursive_flags(case):
    """mounts[].options: rro, rnosuid, rnodev, rnoexec, rnoatime reach the mounts below (config.md, Linux mount options)."""
    need(facts.kernel() >= (5, 12), "the kernel has no mount_setattr(2)")
    source = tree(case)
    for option in ("rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "rnosymfollow"):
        configuration = case.config().mount("/mnt", "bind", source, "rbind", option)
        contains(options(entry(case, configuration, "/mnt/below")), option[1:])


@check
def plain_flags_are_not_recursive(case):
    """mounts[].options: ro of an rbind leaves the mounts below as they are (config.md, Linux mount options)."""
    configuration = case.config().mount("/mnt", "bind", tree(case), "rbind", "ro")
    contains(options(entry(case, configuration, "/mnt")), "ro")
    contains(options(entry(case, configuration, "/mnt/below")), "rw")


@check
def propagation_as_asked(case):
    """mounts[].options: shared, slave, private, unbindable (config.md, Linux mount options)."""
    source = case.directory("source")
    for option, field in (("shared", "shared:"), ("unbindable", "unbindable"), ("rshared", "shared:")):
        line = entry(case, case.config().bind(source, "/mnt", option), "/mnt")
        that(any(word.startswith(field) for word in line[6:line.index("-")]), f"{option}: {line}")
    for option in ("private", "rprivate"):
        line = entry(case, case.config().bind(source, "/mnt", option), "/mnt")
        equal(line[6:line.index("-")], [], option)


@check
def tmpfs_copies_what_it_covers(case):
    """mounts[].options: tmpcopyup, what is below a tmpfs is copied into it (config.md, Linux mount options)."""
    container = case.container(case.config().mount("/opt", "tmpfs", "tmpfs", "tmpcopyup", "mode=0755").shell(
        "cat /opt/deep/file; stat -c '%a %u %g' /opt/deep/file; readlink /opt/link; echo new >/opt/deep/file"))
    place = f"{container.bundle}/rootfs/opt"
    os.mkdir(f"{place}/deep")
    with open(f"{place}/deep/file", "w", encoding="utf-8") as file:
        file.write("old\n")
    os.chmod(f"{place}/deep/file", 0o640)
    os.chown(f"{place}/deep/file", 3, 4)
    os.symlink("nowhere", f"{place}/link")
    outcome = container.run()
    equal(outcome.out.splitlines(), ["old", "640 3 4", "nowhere"], outcome.err)
    equal(facts.read(f"{place}/deep/file"), "old\n")


MAPPING = [{"containerID": 0, "hostID": 100000, "size": 65536}]


@check
def mapped_ids(case):
    """mounts[].uidMappings, gidMappings: an idmapped bind shows other owners (config.md, Mounts)."""
    source = case.directory("source")
    need(case.maps_owners(source), "the file system cannot be mounted with other owners")
    case.path("source/file", "text")
    os.chown(f"{source}/file", 1, 2)
    configuration = case.config().mount(
        "/mnt", "bind", source, "bind", "idmap",
        uidMappings=[{"containerID": 0, "hostID": 5000, "size": 100}],
        gidMappings=[{"containerID": 0, "hostID": 6000, "size": 100}])
    equal(case.shell("stat -c '%u %g' /mnt/file", configuration), "5001 6002")


@check
def mapped_ids_of_a_user_namespace(case):
    """mounts[].uidMappings: with a user namespace the container's root owns what root owns outside (config.md, Mounts)."""
    source = case.directory("source")
    need(case.maps_owners(source), "the file system cannot be mounted with other owners")
    case.path("source/file", "text")
    configuration = case.config().user_namespace().mount(
        "/mnt", "bind", source, "bind", "idmap", uidMappings=MAPPING, gidMappings=MAPPING)
    equal(case.shell("stat -c '%u %g' /mnt/file; touch /mnt/new", configuration), "0 0")
    equal(os.stat(f"{source}/new").st_uid, 0)


@check
def idmap_without_mappings(case):
    """mounts[].options: idmap without mappings takes those of the container's user namespace (config.md, Mounts)."""
    source = case.directory("source")
    need(case.maps_owners(source), "the file system cannot be mounted with other owners")
    case.path("source/file", "text")
    configuration = case.config().user_namespace().mount("/mnt", "bind", source, "bind", "idmap")
    equal(case.shell("stat -c '%u %g' /mnt/file", configuration), "0 0")


@check
def ridmap_reaches_below(case):
    """mounts[].options: ridmap maps the mounts below too, idmap does not (config.md, Mounts)."""
    source = tree(case)
    need(case.maps_owners(f"{source}/below"), "the kernel cannot map a tmpfs")
    need(case.maps_owners(source), "the file system cannot be mounted with other owners")
    for option, owner in (("ridmap", "100000"), ("idmap", "0")):
        configuration = case.config().mount(
            "/mnt", "bind", source, "rbind", option, uidMappings=MAPPING, gidMappings=MAPPING)
        equal(case.shell("stat -c %u /mnt/below/seen", configuration), owner, option)


@check
def an_unknown_filesystem_is_refused(case):
    """mounts[].type: one that the kernel does not have is an error (config.md, Mounts)."""
    case.refused(case.config().mount("/mnt", "nosuchfs", "none"), "no such device", "nosuchfs")


@check
def an_unknown_option_is_refused(case):
    """mounts[].options: what neither the runtime nor the filesystem knows is an error (config.md, Mounts)."""
    case.refused(case.config().mount("/mnt", "tmpfs", "tmpfs", "frobnicate=1"))


@check
def a_destination_stays_in_the_root(case):
    """mounts[].destination: symbolic links of the image lead nowhere outside of it (CVE-2019-16884, CVE-2021-30465)."""
    outside = case.directory("outside")
    container = case.container(case.config("/bin/true").mount("/escape/in", "tmpfs", "tmpfs").mount("/up", "tmpfs", "t"))
    os.symlink(outside, f"{container.bundle}/rootfs/escape")
    os.symlink("../../../../../../.." + outside, f"{container.bundle}/rootfs/up")
    container.run()
    equal(os.listdir(outside), [])


@check
def the_kernels_filesystems(case):
    """mounts: proc, sysfs, devpts, mqueue, tmpfs, cgroup as engines ask for them (config.md, Example (Linux))."""
    configuration = case.config().namespace("network").namespace("cgroup")
    configuration.mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")
    configuration.mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k")
    configuration.mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev")
    configuration.mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro")
    configuration.mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev")
    text = case.shell("cut -d' ' -f2-3 /proc/self/mounts", configuration)
    for line in ("/proc proc", "/dev tmpfs", "/dev/pts devpts", "/dev/shm tmpfs", "/dev/mqueue mqueue", "/sys sysfs"):
        contains(text.splitlines(), line)
    contains(text, "/sys/fs/cgroup ")


@check
def cgroup_mount_shows_the_own_cgroup(case):
    """mounts: type cgroup shows the container's cgroup; read-only means that nothing is made there (convention of runc)."""
    configuration = case.config().namespace("cgroup").mount("/sys", "sysfs", "sysfs", "ro")
    configuration.mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev")
    place = "/sys/fs/cgroup" if facts.cgroup_mode() == "v2" else "/sys/fs/cgroup/pids"
    script = f"cat {place}/cgroup.procs | head -n 1; mkdir {place}/new 2>/dev/null || echo no"
    equal(case.shell(script, configuration).split(), ["1", "no"])


@check
def nothing_of_the_host_is_mounted(case):
    """The container's mount table has its own mounts only: the old root is gone (config.md, Root)."""
    lines = case.shell("cat /proc/self/mountinfo").splitlines()
    equal({line.split()[4] for line in lines}, {"/", "/proc", "/dev"})


@check
def a_relative_destination(case):
    """mounts[].destination: a relative one is taken from the root, or refused (config.md, Mounts)."""
    container = case.container(case.config().mount("mnt", "tmpfs", "tmpfs").shell("grep -q ' /mnt ' /proc/self/mountinfo && echo yes"))
    outcome = container.run()
    that((outcome.status, outcome.out) == (0, "yes\n") or (outcome.status > 0 and outcome.message), str(outcome))
    lacks(os.listdir(container.bundle), "mnt")

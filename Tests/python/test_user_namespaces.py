# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Pods whose users are others on the machine."""

import os
import pathlib
import signal
import urllib.request

import grpc
import pytest
from engine import cri, eventually

Code = grpc.StatusCode
FIRST, COUNT = 300_000, 65_536
everywhere = pytest.mark.parametrize("engine", ["skiffrun", "crun", "runc"], indirect=True, scope="module")


def mapping(inside=0, outside=FIRST, length=COUNT):
    return cri.IDMapping(container_id=inside, host_id=outside, length=length)


def options(users=None, groups=None, mode=cri.POD, **fields):
    fields.setdefault("pid", cri.CONTAINER)
    users = [mapping()] if users is None else users
    return cri.NamespaceOption(
        userns_options=cri.UserNamespace(mode=mode, uids=users, gids=users if groups is None else groups), **fields
    )


def pod_with(options, **fields):
    return cri.LinuxPodSandboxConfig(
        security_context=cri.LinuxSandboxSecurityContext(namespace_options=options), **fields
    )


def secure(**fields):
    fields.setdefault("namespace_options", options())
    return cri.LinuxContainerConfig(security_context=cri.LinuxContainerSecurityContext(**fields))


@pytest.fixture
def mapped(engine, request):
    """A pod with a user namespace. Removed afterwards, and then nothing may be left of it."""
    name = request.node.name.replace("[", "-").replace("]", "").replace("_", "-").lower()[:60]
    identifier, config = engine.run_pod(name, linux=pod_with(options()), hostname="mapped")
    yield identifier, config
    engine.stop_pod(identifier)
    engine.remove_pod(identifier)
    if not engine.pods():
        engine.assert_clean()


def process_of(engine, container):
    """The first process in the container's cgroup."""
    for folder in engine.cgroups():
        members = (pathlib.Path(folder) / "cgroup.procs").read_text().split()
        if container in folder and members:
            return pathlib.Path("/proc") / members[0]
    raise AssertionError("it has no process")


def output(engine, container, script):
    answer = engine.exec(container, "sh", "-c", script)
    assert answer.exit_code == 0, answer.stderr
    return answer.stdout.decode()


@everywhere
def test_root_inside_is_nobody_outside(engine, mapped):
    container = engine.shell(*mapped, "c", "echo up > /dev/stdout; echo bad > /dev/stderr; sleep 1000", linux=secure())
    eventually("it writes", lambda: len(engine.log(mapped[1].metadata.name, "c")) == 2)
    assert output(engine, container, "id -u; id -g").split() == ["0", "0"]
    assert output(engine, container, "cat /proc/self/uid_map").split() == ["0", str(FIRST), str(COUNT)]
    process = process_of(engine, container)
    assert (process.stat().st_uid, process.stat().st_gid) == (FIRST, FIRST)
    # The pod's other namespaces belong to the same users: their root may rule them, and nothing else.
    assert output(engine, container, "hostname").strip() == "mapped"
    for kind in ["net", "ipc", "uts", "user"]:
        pinned = os.stat(f"{engine.folder}/run/ns/{mapped[0]}/{kind}")
        assert pinned.st_ino == os.stat(process / "ns" / kind).st_ino, kind


@everywhere
def test_files_of_the_image_belong_to_root_inside(engine, mapped):
    container = engine.shell(*mapped, "c", "sleep 1000", linux=secure())
    files = "/ /bin/busybox /etc/passwd /etc/hostname /etc/hosts /etc/resolv.conf /dev/shm"
    assert set(output(engine, container, f"stat -c %u:%g {files}").split()) == {"0:0"}
    output(engine, container, "echo x > /new; chown 7:8 /new; echo y >> /etc/passwd; mkdir /dir; rm /etc/group")
    assert output(engine, container, "stat -c %u:%g /new /etc/passwd /dir").split() == ["7:8", "0:0", "0:0"]
    upper = engine.folder / "lib/containers" / container / "upper"
    assert (upper / "new").stat().st_uid == FIRST + 7 and (upper / "dir").stat().st_gid == FIRST
    output(engine, container, "echo shared > /dev/shm/file; echo 127.0.0.9 me >> /etc/hosts; ls /dev/mqueue; test -w /dev/null")


@everywhere
def test_the_network_and_the_processes_work(engine, mapped):
    engine.launch(*mapped, "web", [], linux=secure())
    address = engine.pod_status(mapped[0]).network.ip

    def served():
        try:
            return urllib.request.urlopen(f"http://{address}/", timeout=5).read()
        except OSError:
            return None

    eventually("the page comes", served)
    other = engine.shell(*mapped, "c", "sleep 1000", linux=secure())
    assert address in output(engine, other, "ip addr show eth0")
    stats = engine.runtime.PodSandboxStats(cri.PodSandboxStatsRequest(pod_sandbox_id=mapped[0]), timeout=60).stats
    assert stats.linux.network.default_interface.name == "eth0"
    use = engine.runtime.ContainerStats(cri.ContainerStatsRequest(container_id=other), timeout=60).stats
    assert use.memory.usage_bytes.value > 0
    engine.stop(other)
    assert engine.status(other).state == cri.CONTAINER_EXITED


@everywhere
def test_another_user(engine, mapped, refused):
    container = engine.shell(
        *mapped, "c", "echo out > /dev/stdout; echo done > /dev/shm/mine; sleep 1000",
        linux=secure(run_as_user=cri.Int64Value(value=1000), run_as_group=cri.Int64Value(value=1001)),
    )
    eventually("it writes", lambda: engine.log(mapped[1].metadata.name, "c"))
    assert output(engine, container, "id -u; id -g; stat -c %u:%g /dev/shm/mine").split() == ["1000", "1001", "1000:1001"]
    assert process_of(engine, container).stat().st_uid == FIRST + 1000
    assert (engine.folder / "run/pods" / mapped[0] / "shm/mine").stat().st_uid == FIRST + 1000
    with refused(Code.INVALID_ARGUMENT, "70000", "user namespace"):
        engine.create(*mapped, "d", ["true"], linux=secure(run_as_user=cri.Int64Value(value=70_000)))


@everywhere
def test_privileged_is_so_inside_only(engine):
    linux = pod_with(options())
    linux.security_context.privileged = True
    pod = engine.run_pod("privileged", linux=linux)
    container = engine.shell(*pod, "c", "sleep 1000", linux=secure(privileged=True))
    output(engine, container, "mkdir /m && mount -t tmpfs none /m && hostname changed")
    assert engine.exec(container, "sh", "-c", "echo 1 > /proc/sys/kernel/sysrq").exit_code != 0
    assert process_of(engine, container).stat().st_uid == FIRST
    engine.remove_pod(pod[0])


def volume(engine, name):
    folder = engine.folder / name
    folder.mkdir()
    (folder / "file").write_text("from outside\n")
    return folder


def mapped_mount(folder, **fields):
    return cri.Mount(
        host_path=str(folder), container_path="/volume", uidMappings=[mapping()], gidMappings=[mapping()], **fields
    )


def test_volumes(engine, mapped):
    folder = volume(engine, "volume")
    plain = cri.Mount(host_path=str(folder), container_path="/plain", readonly=True)
    container = engine.shell(*mapped, "c", "sleep 1000", linux=secure(), mounts=[mapped_mount(folder), plain])
    assert output(engine, container, "stat -c %u:%g /volume/file /plain/file").split() == ["0:0", "65534:65534"]
    output(engine, container, "echo inside > /volume/new; chown 5:6 /volume/new")
    assert ((folder / "new").stat().st_uid, (folder / "new").stat().st_gid) == (5, 6)


@everywhere
def test_volumes_of_the_image_belong_to_the_pods_root(engine, mapped):
    script = "echo page > /var/lib/pages/one && stat -c '%u %g' / /var/lib /var/lib/pages"
    container = engine.shell(*mapped, "pages", script, linux=secure())
    assert engine.wait_exit(container).exit_code == 0
    assert [text for _, _, text in engine.log(mapped[1].metadata.name, "pages")] == ["0 0"] * 3


@everywhere
def test_volumes_of_the_image_beside_it(engine, mapped):
    def choose(way):
        folder = engine.folder / "skiff.toml.d"
        folder.mkdir(exist_ok=True)
        (folder / "volumes.toml").write_text(f'[runtime]\nimage_volumes = "{way}"\n')
        told = (engine.folder / "skiffd.log").read_text().count("runtime.image_volumes changed")
        os.kill(engine.daemon_pid(), signal.SIGHUP)
        eventually(
            "it counts",
            lambda: (engine.folder / "skiffd.log").read_text().count("runtime.image_volumes changed") > told)

    choose("bind")
    script = "echo page > /var/lib/pages/one && stat -c '%u %g' /var/lib/pages /var/lib/pages/one"
    container = engine.shell(*mapped, "beside", script, linux=secure(readonly_rootfs=True))
    assert engine.wait_exit(container).exit_code == 0
    assert [text for _, _, text in engine.log(mapped[1].metadata.name, "beside")] == ["0 0"] * 2
    page = engine.folder / "lib/containers" / container / "volumes/0/one"
    assert (page.read_text(), page.stat().st_uid) == ("page\n", FIRST)
    choose("mkdir")


def test_images_as_volumes(engine, mapped):
    mount = cri.Mount(image=cri.ImageSpec(image=engine.image), container_path="/image", readonly=True)
    container = engine.shell(*mapped, "c", "sleep 1000", linux=secure(), mounts=[mount])
    assert output(engine, container, "stat -c %u:%g /image /image/bin/busybox").split() == ["0:0", "0:0"]


@pytest.mark.parametrize("engine", ["crun", "runc"], indirect=True, scope="module")
def test_volumes_that_the_runtime_cannot_map(engine, mapped, refused):
    """Debian's runc knows no such mounts, and its crun does not tell what it knows."""
    folder = volume(engine, "volume")
    with refused(Code.FAILED_PRECONDITION, "/volume", "map the owners"):
        engine.create(*mapped, "c", ["true"], linux=secure(), mounts=[mapped_mount(folder)])
    handlers = engine.runtime.Status(cri.StatusRequest(), timeout=60).runtime_handlers
    told = {h.name: h.features.user_namespaces for h in handlers}
    assert told["skiffrun"] and not told["crun"] and not told["runc"] and not told[""]


@everywhere
def test_shared_processes(engine):
    shared = options(pid=cri.POD)
    pod = engine.run_pod("shared", linux=pod_with(shared))
    one = engine.shell(*pod, "one", "sleep 1234", linux=secure(namespace_options=shared))
    two = engine.shell(*pod, "two", "sleep 1000", linux=secure(namespace_options=shared))
    assert "sleep 1234" in output(engine, two, "ps")
    target = engine.shell(
        *pod, "three", "sleep 1000",
        linux=secure(namespace_options=options(pid=cri.TARGET, target_id=one)),
    )
    assert "sleep 1234" in output(engine, target, "ps")
    engine.remove_pod(pod[0])
    engine.assert_clean()


@everywhere
def test_the_network_of_the_node(engine):
    host = options(network=cri.NODE)
    pod = engine.run_pod("node", linux=pod_with(host))
    container = engine.shell(*pod, "c", "sleep 1000", linux=secure(namespace_options=host))
    assert "lo" in output(engine, container, "ls /sys/class/net").split()
    assert output(engine, container, "readlink /proc/self/ns/net").strip() == os.readlink("/proc/self/ns/net")
    assert output(engine, container, "cat /proc/self/uid_map").split()[1] == str(FIRST)
    assert engine.exec(container, "sh", "-c", "ip link set lo down").exit_code != 0
    engine.remove_pod(pod[0])
    engine.assert_clean()


def test_sysctls(engine):
    linux = pod_with(options(), sysctls={
        "net.ipv4.ping_group_range": "0 2147483647", "kernel.shm_rmid_forced": "1", "fs.mqueue.msg_max": "20",
    })
    pod = engine.run_pod("sysctls", linux=linux)
    container = engine.shell(*pod, "c", "sleep 1000", linux=secure())
    names = "net/ipv4/ping_group_range kernel/shm_rmid_forced fs/mqueue/msg_max"
    assert output(engine, container, f"cd /proc/sys; cat {names}").split() == ["0", "65535", "1", "20"]
    engine.remove_pod(pod[0])


@everywhere
def test_they_outlive_the_daemon(engine, mapped):
    container = engine.shell(*mapped, "c", "sleep 1000", linux=secure())
    engine.kill_daemon()
    engine.start_daemon()
    assert engine.status(container).state == cri.CONTAINER_RUNNING
    assert output(engine, container, "id -u").strip() == "0"
    told = engine.pod_status(mapped[0]).linux.namespaces.options.userns_options
    assert told.mode == cri.POD and told.uids[0].host_id == FIRST
    again = engine.shell(*mapped, "again", "sleep 1000", linux=secure())
    assert output(engine, again, "stat -c %u /").strip() == "0"


def test_a_terminal(engine, mapped):
    container = engine.create(*mapped, "c", ["sh", "-c", "tty; echo x > $(tty); sleep 1000"], tty=True, linux=secure())
    engine.start(container)
    eventually("it writes", lambda: len(engine.log(mapped[1].metadata.name, "c")) == 2)


def test_what_is_refused(engine, mapped, refused):
    def run(*arguments, code=Code.INVALID_ARGUMENT, **fields):
        with refused(code, *arguments):
            engine.run_pod("refused", linux=pod_with(options(**fields)))

    run("exactly one mapping", users=[mapping(length=10), mapping(10, FIRST, 10)])
    run("exactly one mapping", users=[])
    run("id 0 is not mapped", users=[mapping(1)])
    run("are no range", users=[mapping(outside=4_294_967_000)])
    run("mode container", mode=cri.CONTAINER)
    run("mode target", mode=cri.TARGET)
    run("need no mappings", mode=cri.NODE)
    run("cannot be shared", ipc=cri.NODE)
    run("cannot be shared", pid=cri.NODE)
    with refused(Code.INVALID_ARGUMENT, "another than the pod's"):
        engine.create(*mapped, "c", ["true"], linux=secure(namespace_options=options([mapping(outside=1)])))
    with refused(Code.INVALID_ARGUMENT, "another than the pod's"):
        nodes = cri.NamespaceOption(pid=cri.CONTAINER, userns_options=cri.UserNamespace(mode=cri.NODE))
        engine.create(*mapped, "c", ["true"], linux=secure(namespace_options=nodes))
    with refused(Code.INVALID_ARGUMENT, "share processes with node"):
        engine.create(*mapped, "c", ["true"], linux=secure(namespace_options=options(pid=cri.NODE)))
    # A request that says nothing gets the pod's users.
    container = engine.shell(*mapped, "d", "sleep 1000")
    assert output(engine, container, "cat /proc/self/uid_map").split()[1] == str(FIRST)


def test_features(engine):
    status = engine.runtime.Status(cri.StatusRequest(), timeout=60)
    assert status.features.user_namespaces_host_network
    told = {h.name: h.features.user_namespaces for h in status.runtime_handlers}
    assert told[""] and told["skiffrun"]

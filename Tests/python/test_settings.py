# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What an administrator sets for containers and handlers, and what a pod's author may ask for by annotations."""

import contextlib
import json
import os
import pathlib
import signal
import sqlite3

import grpc
import pytest
from engine import PROGRAMS, cri, eventually

Code = grpc.StatusCode
ALLOWED = ["umask.crio.io", "unified-cgroup.crio.io/", "cgroup2-mount-hierarchy-rw.crio.io"]


def configure(engine, text):
    folder = engine.folder / "skiff.toml.d"
    folder.mkdir(exist_ok=True)
    (folder / "settings.toml").write_text(text)


def restart(engine, text):
    configure(engine, text)
    engine.kill_daemon()
    engine.start_daemon()


@pytest.fixture(scope="module")
def machine(engine):
    wrapper = engine.folder / "wrapped-runtime"
    wrapper.write_text(f'#!/bin/sh\nenv > {engine.folder}/environment\nexec {PROGRAMS}/skiffrun "$@"\n')
    wrapper.chmod(0o755)
    restart(
        engine,
        f"""
        [runtime]
        image_volumes = "bind"
        [runtime.handlers.skiffrun]
        allowed_annotations = {json.dumps(ALLOWED)}
        [runtime.handlers.wrapped]
        path = "{wrapper}"
        environment = ["COLOUR=dark blue"]
        [runtime.handlers.gone]
        path = "/nowhere/crun"
        [runtime.workloads.management]
        activation_annotation = "management.example/pod"
        annotation_prefix = "resources.example"
        allowed_annotations = ["shm-size.crio.io"]
        cpu_shares = 77
        """)
    return engine


@pytest.fixture
def make_pod(machine):
    """Makes pods of a handler, which are removed in the end."""
    made = []

    def make(name, handler="", **fields):
        config = machine.pod_config(name, **fields)
        request = cri.RunPodSandboxRequest(config=config, runtime_handler=handler)
        made.append(machine.runtime.RunPodSandbox(request, timeout=60).pod_sandbox_id)
        return made[-1], config

    yield make
    for pod in made:
        machine.stop_pod(pod)
        machine.remove_pod(pod)
    machine.assert_clean()


def sh(engine, container, script):
    answer = engine.exec(container, "sh", "-c", script)
    assert answer.exit_code == 0, answer
    return answer.stdout.decode()


def test_the_mask_of_files(machine, make_pod, refused):
    pod = make_pod("mask", annotations={"umask.crio.io": "027"})
    container = machine.shell(*pod, "c", "touch /tmp/one; sleep 1000")
    eventually("it is there", lambda: machine.exec(container, "sh", "-c", "test -e /tmp/one").exit_code == 0)
    assert sh(machine, container, "stat -c %a /tmp/one; umask") == "640\n0027\n"
    pod = make_pod("nomask", annotations={"umask.crio.io": "rwx"})
    with refused(Code.INVALID_ARGUMENT, "umask.crio.io", "rwx"):
        machine.create(*pod, "c", ["true"])


def test_cgroups_by_annotation(machine, make_pod, refused):
    if pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists():
        pod = make_pod("keys", annotations={"unified-cgroup.crio.io/c": "memory.high=50003968"})
        container = machine.shell(*pod, "c", "sleep 1000")
        assert sh(machine, container, "cat /sys/fs/cgroup/memory.high") == "50003968\n"
        # That of another container.
        assert sh(machine, machine.shell(*pod, "d", "sleep 1000"), "cat /sys/fs/cgroup/memory.high") == "max\n"
    else:
        pod = make_pod("keys", annotations={"cgroup2-mount-hierarchy-rw.crio.io": "true"})
        with refused(Code.INVALID_ARGUMENT, "cgroup2-mount-hierarchy-rw.crio.io", "nsdelegate"):
            machine.create(*pod, "c", ["true"])


def shares(engine, container):
    """As the kernel has them; weights of v2 are another number for the same."""
    for folder in engine.cgroups():
        for name in ["cpu.shares", "cpu.weight"]:
            file = pathlib.Path(folder) / name
            if container in folder and file.exists():
                return int(file.read_text())
    raise AssertionError("the container has no such cgroup")


def test_a_workload(machine, make_pod, refused):
    shm = {"shm-size.crio.io": "3Mi"}
    plain = make_pod("plain", annotations=shm)
    marked = make_pod(
        "marked", annotations={"management.example/pod": "", "resources.example/other": '{"cpushares": 2048}', **shm})
    wanted = cri.LinuxContainerConfig(resources=cri.LinuxContainerResources(cpu_shares=1024))
    ordinary, special, other = [
        machine.shell(*pod, name, "sleep 1000", linux=wanted)
        for pod, name in [(plain, "c"), (marked, "c"), (marked, "other")]
    ]
    assert shares(machine, special) < shares(machine, ordinary) < shares(machine, other)
    size = "df -k /dev/shm | tail -n 1 | awk '{print $2}'"
    assert sh(machine, special, size) == "3072\n" and sh(machine, ordinary, size) == "65536\n"
    broken = make_pod("broken", annotations={"management.example/pod": "", "resources.example/c": "77"})
    with refused(Code.INVALID_ARGUMENT, "resources.example/c"):
        machine.create(*broken, "c", ["true"])


def test_volumes_of_the_image_beside_it(machine, make_pod):
    pod = make_pod("volumes")
    security = cri.LinuxContainerSecurityContext(readonly_rootfs=True)
    container = machine.shell(*pod, "c", "sleep 1000", linux=cri.LinuxContainerConfig(security_context=security))
    assert sh(machine, container, "echo page > /var/lib/pages/one; cat /var/lib/pages/one") == "page\n"
    assert machine.exec(container, "sh", "-c", "echo > /var/lib/other").exit_code != 0
    folder = pathlib.Path(machine.folder) / "lib/containers" / container
    assert (folder / "volumes/0/one").read_text() == "page\n"
    machine.stop(container)
    machine.remove(container)
    assert not folder.exists()


def test_variables_of_a_runtime(machine, make_pod):
    pod = make_pod("wrapped", handler="wrapped")
    container = machine.shell(*pod, "c", "echo ${COLOUR-none}")
    assert machine.wait_exit(container).exit_code == 0
    told = (machine.folder / "environment").read_text().splitlines()
    assert "COLOUR=dark blue" in told and any(line.startswith("PATH=") for line in told)
    # They are the runtime's, not the container's.
    assert machine.log("wrapped", "c") == [("stdout", "F", "none")]


def test_a_handler_whose_program_is_gone(machine, make_pod, refused):
    assert 'runtime.handlers.gone.path": "/nowhere/crun"' in machine.daemon_log()
    with refused(Code.INVALID_ARGUMENT, '"gone"', "whose programs are installed"):
        make_pod("refused", handler="gone")
    handlers = machine.runtime.Status(cri.StatusRequest(), timeout=60).runtime_handlers
    assert "gone" not in [handler.name for handler in handlers]
    text = (machine.folder / "skiff.toml.d/settings.toml").read_text()
    configure(machine, text.replace("/nowhere/crun", str(PROGRAMS / "skiffrun")))
    os.kill(machine.daemon_pid(), signal.SIGHUP)
    eventually("it is told", lambda: "runtime.handlers.gone changed" in machine.daemon_log())
    pod = make_pod("accepted", handler="gone")
    assert machine.wait_exit(machine.launch(*pod, "c", ["true"])).exit_code == 0


def test_pods_keep_their_runtime(machine, make_pod):
    """Neither another `--root` nor another program of the handler leaves containers behind that nobody knows."""
    text = (machine.folder / "skiff.toml.d/settings.toml").read_text()
    old, new = machine.folder / "old", machine.folder / "new"
    section = '[runtime.handlers.moving]\npath = "{}"\nroot = "{}"\n'
    restart(machine, text + section.format(PROGRAMS / "skiffrun", old))
    pod = make_pod("moving", handler="moving")
    container = machine.shell(*pod, "c", "sleep 1000")
    assert [p.name for p in old.iterdir()] == [container]
    restart(machine, text + section.format(machine.folder / "wrapped-runtime", new))
    assert sh(machine, container, "echo here") == "here\n"
    other = machine.shell(*pod, "d", "sleep 1000")
    assert {p.name for p in old.iterdir()} == {container, other}
    # A handler that is configured no more.
    restart(machine, text)
    assert sh(machine, container, "echo here") == "here\n"
    machine.stop(container)
    machine.remove(container)
    machine.stop_pod(pod[0])
    machine.remove_pod(pod[0])
    assert not list(old.iterdir()) and not new.exists()


def test_pods_of_earlier_builds(machine, make_pod):
    """Their rows do not say which runtime they were made with: it is the handler's."""
    pod = make_pod("earlier")
    container = machine.shell(*pod, "c", "sleep 1000")
    machine.kill_daemon()
    with contextlib.closing(sqlite3.connect(machine.folder / "lib/skiff.db", isolation_level=None)) as database:
        for column in ["runtimePath", "runtimeRoot"]:
            database.execute(f"ALTER TABLE pods DROP COLUMN {column}")
        deleted = database.execute("DELETE FROM grdb_migrations WHERE identifier = 'runtime of a pod'")
        assert deleted.rowcount == 1
    machine.start_daemon()
    assert sh(machine, container, "echo here") == "here\n"
    with contextlib.closing(sqlite3.connect(machine.folder / "lib/skiff.db")) as database:
        (row,) = database.execute("SELECT runtimePath, runtimeRoot FROM pods WHERE id = ?", pod[:1])
    assert row == ("", "")

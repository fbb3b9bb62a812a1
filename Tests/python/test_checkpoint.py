# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Checkpoints of containers, which go on. criu(8) does not work with every kernel; then the error says so."""

import json
import os
import pathlib
import shutil
import stat
import subprocess
import tarfile

import grpc
import pytest
from engine import cri, eventually

Code = grpc.StatusCode
COUNTER = "i=0; while true; do i=$((i+1)); echo $i > /count; sleep 0.05; done"


def criu_works():
    return shutil.which("criu") is not None and subprocess.run(["criu", "check"], capture_output=True).returncode == 0


def checkpoint(engine, container, location, timeout=120):
    request = cri.CheckpointContainerRequest(container_id=container, location=str(location), timeout=timeout)
    engine.runtime.CheckpointContainer(request, timeout=180)


def count(engine, container):
    return int(engine.exec(container, "cat", "/count").stdout or b"0")


def goes_on(engine, container):
    before = count(engine, container)
    eventually("it goes on", lambda: count(engine, container) > before)


def start(engine, pod):
    script = f"echo hello; echo new > /etc/motd; rm /www/index.html; {COUNTER}"
    container = engine.shell(*pod, "c", script)
    eventually("it counts", lambda: count(engine, container) > 2)
    return container


def check_archive(engine, location, container):
    assert location.stat().st_mode & 0o777 == 0o600
    with tarfile.open(location) as archive:
        names = {name.rstrip("/") for name in archive.getnames()}
        assert {"checkpoint", "config.dump", "spec.dump", "bind.mounts", "rootfs-diff.tar", "deleted.files"} <= names
        assert any(name.startswith("checkpoint/pages-") for name in names)

        def part(name):
            return archive.extractfile(name)

        config = json.load(part("config.dump"))
        assert (config["id"], config["runtime"], config["rootfsImage"]) == (container, "skiffrun", engine.image)
        assert json.load(part("spec.dump"))["process"]["args"][0] == "sh"
        assert "/etc/hosts" in {m["destination"] for m in json.load(part("bind.mounts"))}
        assert json.load(part("deleted.files")) == ["/www/index.html"]
        assert b"hello" in part("io.kubernetes.cri-o.LogPath").read()
        with tarfile.open(fileobj=part("rootfs-diff.tar")) as changes:
            assert changes.extractfile("etc/motd").read() == b"new\n"
            assert "etc/hosts" not in changes.getnames()


def test_a_container_goes_on(engine, pod):
    container = start(engine, pod)
    location = engine.folder / "checkpoint.tar"
    if criu_works():
        checkpoint(engine, container, location)
        check_archive(engine, location, container)
        engine.skiffctl("checkpoint", "--export", f"{location}2", container)
    else:
        with pytest.raises(grpc.RpcError) as error:
            checkpoint(engine, container, location)
        assert "criu" in error.value.details(), error.value.details()
        assert "criu" in engine.skiffctl("checkpoint", "--export", f"{location}2", container, status=1)
        assert not location.exists()
    goes_on(engine, container)
    assert not (engine.folder / "lib/containers" / container / "checkpoint").exists()
    assert [p.name for p in engine.folder.glob("checkpoint.tar*part")] == []


def test_a_container_that_the_daemon_left_frozen(engine, pod):
    """As a daemon leaves it that is killed while criu works: the record is what it writes first."""
    container = start(engine, pod)
    engine.kill_daemon()
    subprocess.run(
        [shutil.which("python3"), "-c",
         "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
         "c.execute('INSERT INTO operations VALUES (?, ?, 0)', ('container/' + sys.argv[2], 'checkpoint')); c.commit()",
         str(engine.folder / "lib/skiff.db"), container], check=True)
    half = engine.folder / "lib/containers" / container / "checkpoint"
    half.mkdir()
    freeze(engine, container)
    engine.start_daemon()
    goes_on(engine, container)
    eventually("what was written is gone", lambda: not half.exists())


def freeze(engine, container):
    """By the freezer of v1 where there is one, as the engine does."""
    for name, word in [("freezer.state", "FROZEN"), ("cgroup.freeze", "1")]:
        for folder in engine.cgroups():
            file = pathlib.Path(folder) / name
            if folder.endswith(container) and file.exists():
                file.write_text(word)
                return
    raise AssertionError("no freezer")


def test_what_is_refused(engine, pod, refused):
    container = start(engine, pod)
    with refused(Code.NOT_FOUND):
        checkpoint(engine, "f" * 64, "/tmp/x")
    with refused(Code.INVALID_ARGUMENT, "absolute"):
        checkpoint(engine, container, "x")
    with refused(Code.INVALID_ARGUMENT, "timeout"):
        checkpoint(engine, container, "/tmp/x", timeout=-1)
    # As /dev/null is one: the machine would lose it.
    device, link = engine.folder / "device", engine.folder / "link"
    os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    link.symlink_to(device)
    for path in [device, link, engine.folder]:
        with refused(Code.INVALID_ARGUMENT, "no regular file"):
            checkpoint(engine, container, path)
    assert stat.S_ISCHR(device.stat().st_mode)
    engine.stop(container, timeout=0)
    with refused(Code.FAILED_PRECONDITION, "exited"):
        checkpoint(engine, container, "/tmp/x")


@pytest.mark.parametrize("engine", ["crun"], indirect=True, scope="module")
def test_a_runtime_that_cannot(engine, pod, refused):
    container = start(engine, pod)
    with refused(Code.UNIMPLEMENTED, "crun", "checkpoints"):
        checkpoint(engine, container, engine.folder / "x.tar")
    goes_on(engine, container)

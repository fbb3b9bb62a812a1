# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Classes of block I/O, which the administrator describes in a file and pods choose by annotations."""

import os
import pathlib

import grpc
import pytest
from test_resources import in_kernel

Code = grpc.StatusCode
POD, ONE = "blockio.resources.beta.kubernetes.io/pod", "blockio.resources.beta.kubernetes.io/container"
# Any disk: what is limited is only what the test's own containers do.
DISK = next(path for path in sorted(pathlib.Path("/sys/class/block").iterdir(), reverse=True)
            if not (path / "partition").exists() and (pathlib.Path("/dev") / path.name).is_block_device())
NUMBER = (DISK / "dev").read_text().strip()
CLASSES = f"""
Classes:
  slow:
    - Devices: ["/dev/{DISK.name[:-1]}?", /dev/no-such-*]
      ThrottleReadBps: 50M
      ThrottleWriteIOPS: 5k
  slower:
    - Devices: [/dev/{DISK.name}]
      ThrottleReadBps: 1Mi
"""
pytestmark = pytest.mark.parametrize("engine", ["skiffrun", "crun", "runc"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def classes(engine):
    file = engine.folder / "blockio.yaml"
    file.write_text(CLASSES)
    engine.configure(
        f'[runtime]\nblockio_config_file = "{file}"\n[runtime.handlers.{engine.env["HANDLER"]}]\n'
        'allowed_annotations = ["blockio.resources.beta.kubernetes.io/"]\n')
    return file


def limits(engine, container):
    """Of the disk, as the kernel has them: bytes read and operations written in a second."""
    if not pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists():
        tables = [in_kernel(engine, container, f"blkio.throttle.{name}_device") for name in ["read_bps", "write_iops"]]
        rows = [dict(line.split() for line in table.splitlines()) for table in tables]
        return [row.get(NUMBER) for row in rows]
    rows = {words[0]: dict(word.split("=") for word in words[1:])
            for words in map(str.split, in_kernel(engine, container, "io.max").splitlines())}
    found = rows.get(NUMBER, {})
    return [None if found.get(name, "max") == "max" else found[name] for name in ["rbps", "wiops"]]


def test_the_nearest_class_counts(engine, classes):
    pod = engine.run_pod("classes", annotations={POD: "slow", ONE + ".other": "slower"})
    one, other = [engine.shell(*pod, name, "sleep 1000") for name in ["one", "other"]]
    assert limits(engine, one) == ["50000000", "5000"]
    assert limits(engine, other) == [str(1 << 20), None]
    # The file is read for each container that asks.
    classes.write_text(CLASSES.replace("50M", "70M"))
    assert limits(engine, engine.shell(*pod, "later", "sleep 1000")) == ["70000000", "5000"]
    classes.write_text(CLASSES)
    engine.remove_pod(pod[0])
    plain = engine.run_pod("plain")
    assert limits(engine, engine.shell(*plain, "c", "sleep 1000")) == [None, None]
    engine.remove_pod(plain[0])
    engine.assert_clean()


def test_what_is_refused(engine, classes, refused):
    pod = engine.run_pod("refused", annotations={POD: "none"})
    with refused(Code.FAILED_PRECONDITION, "none", str(classes)):
        engine.shell(*pod, "c", "true")
    classes.write_text(CLASSES + "Other: 1\n")
    with refused(Code.FAILED_PRECONDITION, str(classes), "Classes"):
        engine.shell(*pod, "c", "true")
    os.remove(classes)
    with refused(Code.UNKNOWN, str(classes), "no such file"):
        engine.shell(*pod, "c", "true")
    classes.write_text(CLASSES)
    engine.remove_pod(pod[0])
    forbidden = engine.run_pod("forbidden", annotations={POD: "slow"})
    container = {"io.kubernetes.cri.blockio-class": "slow"}
    with refused(Code.INVALID_ARGUMENT, "io.kubernetes.cri.blockio-class", "allowed_annotations"):
        engine.shell(*forbidden, "c", "true", annotations=container)
    engine.remove_pod(forbidden[0])
    engine.assert_clean()

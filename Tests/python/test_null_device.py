# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""The machine's null device stays what it is and whose it is, whatever a runtime does with standard streams.

The engines run where /dev/null is another node than the machine's, so that a failure does no harm."""

import os
import subprocess

import pytest
from engine import cri, eventually
from separate import SeparateEngine
from test_user_namespaces import options, pod_with, secure

OTHER_NULL = "mknod /mnt/null c 1 3 && chmod 666 /mnt/null && mount --bind /mnt/null /dev/null"
MODE, DEVICE = 0o20666, os.makedev(1, 3)


@pytest.fixture(scope="module", params=["skiffrun", "crun", "runc"])
def engine(request):
    one = SeparateEngine(request.param, OTHER_NULL)
    try:
        one.pull()
        yield one
    finally:
        one.down()


def null(engine):
    status = os.stat(engine.path("/dev/null"))
    return status.st_mode, status.st_rdev, status.st_uid, status.st_gid


@pytest.fixture(autouse=True)
def unchanged(engine):
    assert null(engine) == (MODE, DEVICE, 0, 0)
    yield
    assert null(engine) == (MODE, DEVICE, 0, 0)


# A program finds a null device on its standard input, and can open it again.
CHECK = "test -c /dev/stdin && test -z \"$(cat)\" && test -z \"$(cat </dev/stdin)\" && echo x >/dev/null && echo good"
PODS = {
    "mapped": (lambda: pod_with(options()), secure),
    "plain": (cri.LinuxPodSandboxConfig, lambda **fields: secure(namespace_options=None, **fields)),
}


@pytest.mark.parametrize("kind", PODS)
@pytest.mark.parametrize("user", [0, 1000])
@pytest.mark.parametrize("log", ["c.log", ""])
def test_it_stays_the_machines(engine, kind, user, log):
    of_pod, of_container = PODS[kind]
    pod = engine.run_pod(f"{kind}-{user}-{log[:1]}", linux=of_pod())
    linux = of_container(run_as_user=cri.Int64Value(value=user))
    container = engine.shell(*pod, "c", f"{CHECK}; exec sleep 1000", linux=linux, log_path=log)
    if log:
        eventually("it writes", lambda: engine.log(pod[1].metadata.name, "c") == [("stdout", "F", "good")])
    answer = engine.exec(container, "sh", "-c", CHECK)
    assert answer.stdout == b"good\n", answer
    # Over a connection.
    done = subprocess.run(engine.client("exec", container, "sh", "-c", f"{CHECK} >&2"), capture_output=True, text=True)
    assert done.stderr == "good\n", done
    # What it has there is its own, or cannot be changed.
    engine.exec(container, "busybox", "chmod", "600", "/proc/self/fd/0")
    engine.stop(container)
    engine.remove_pod(pod[0])


def test_a_container_without_one(engine):
    pod = engine.run_pod("without")
    container = engine.shell(*pod, "c", "exec sleep 1000")
    engine.exec(container, "sh", "-c", "busybox rm /dev/null && echo >/dev/null")
    check = "test -c /dev/stdin && test -z \"$(cat)\" && busybox chmod 600 /proc/self/fd/0 && echo good"
    answer = engine.exec(container, "sh", "-c", check)
    assert answer.stdout == b"good\n", answer
    done = subprocess.run(engine.client("exec", container, "sh", "-c", f"{check} >&2"), capture_output=True, text=True)
    assert done.stderr == "good\n", done
    engine.remove_pod(pod[0])


def test_a_terminal(engine):
    pod = engine.run_pod("terminal", linux=pod_with(options()))
    container = engine.shell(*pod, "c", "test -c /dev/console && echo good", linux=secure(), tty=True)
    assert engine.wait_exit(container).exit_code == 0
    engine.remove_pod(pod[0])

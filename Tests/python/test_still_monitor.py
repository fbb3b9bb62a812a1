# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""A monitor that stands still, as one does that waits for a disk, holds up its own pod alone, and that only so long."""

import concurrent.futures
import contextlib
import json
import os
import signal
import threading

import grpc
import pytest
from engine import DEADLINE, PROGRAMS, cri, eventually, is_zombie


@contextlib.contextmanager
def still(engine, pod):
    """The pod's monitor is stopped meanwhile, if it lives so long."""
    pid = engine.monitor_pid(pod)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def first_process(engine, container):
    request = cri.ContainerStatusRequest(container_id=container, verbose=True)
    return json.loads(engine.runtime.ContainerStatus(request, timeout=DEADLINE).info["info"])["pid"]


@pytest.mark.parametrize("timeout", [0, 1])
def test_a_container_is_killed_without_it(engine, pod, timeout):
    container = engine.shell(*pod, "c", "trap '' TERM; while :; do sleep 1; done")
    process = first_process(engine, container)
    with still(engine, pod[0]):
        stop = threading.Thread(target=engine.stop, args=[container, timeout])
        stop.start()
        eventually("its process is gone", lambda: is_zombie(process))
        assert engine.status(container).state == cri.CONTAINER_RUNNING
    # The monitor saw how it ended.
    stop.join(DEADLINE)
    assert engine.status(container).exit_code == 137
    assert engine.status(container).reason == "Error"


def test_a_pod_ends_without_it(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    process = first_process(engine, container)
    with still(engine, pod[0]) as monitor:
        engine.stop_pod(pod[0])
        assert is_zombie(process) and is_zombie(monitor)
    status = engine.status(container)
    assert (status.state, status.exit_code) == (cri.CONTAINER_EXITED, 137)
    assert "monitor" in status.message
    assert "no answer within 10.0 seconds; it is killed" in engine.daemon_log()


def test_the_daemon_starts_without_it(engine, pod):
    identifier, config = pod
    container = engine.shell(identifier, config, "c", "sleep 1000")
    other, other_config = engine.run_pod("other")
    second = engine.shell(other, other_config, "c", "sleep 1000")
    with still(engine, identifier):
        engine.kill_daemon()
        engine.start_daemon()
        assert engine.exec(second, "echo", "here").stdout == b"here\n"
        assert engine.status(container).state == cri.CONTAINER_RUNNING
    eventually("it is met again", lambda: answers(engine, container))
    engine.stop_pod(other)
    engine.remove_pod(other)


def answers(engine, container):
    try:
        return engine.exec(container, "echo", "again").stdout == b"again\n"
    except Exception as error:
        assert "monitor" in str(error)
        return False


def test_a_terminal_that_its_monitor_never_got(engine):
    """The monitor is killed while the runtime makes a container with a terminal: its socket goes with the container."""
    slow, begun = engine.folder / "slow", engine.folder / "slow.begun"
    slow.write_text(
        f'#!/bin/sh\ncase " $* " in *" create "*) : >{begun}; exec sleep 1000;; esac\n'
        f'exec {PROGRAMS}/skiffrun "$@"\n'
    )
    slow.chmod(0o755)
    dropin = engine.folder / "skiff.toml.d"
    dropin.mkdir(exist_ok=True)
    (dropin / "slow.toml").write_text(f'[runtime.handlers.slow]\npath = "{slow}"\n')
    engine.kill_daemon()
    engine.start_daemon()
    config = engine.pod_config("slow")
    request = cri.RunPodSandboxRequest(config=config, runtime_handler="slow")
    pod = engine.runtime.RunPodSandbox(request, timeout=DEADLINE).pod_sandbox_id
    with concurrent.futures.ThreadPoolExecutor() as pool:
        creating = pool.submit(engine.create, pod, config, "c", ["sleep", "1000"], tty=True)
        eventually("the runtime is at work", begun.exists)
        sockets = engine.folder / "run/tty"
        assert len(list(sockets.iterdir())) == 1
        os.kill(engine.monitor_pid(pod), signal.SIGKILL)
        assert isinstance(creating.exception(), grpc.RpcError)
    engine.remove_pod(pod)
    assert not list(sockets.iterdir())
    engine.assert_clean()

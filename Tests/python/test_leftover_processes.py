# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Processes that outlive the first one of their container, or the monitor, with every runtime."""

import os
import pathlib
import signal

import pytest
from engine import cri, eventually

pytestmark = pytest.mark.parametrize("engine", ["skiffrun", "crun", "runc"], indirect=True, scope="module")


def sharing(mode):
    return cri.LinuxPodSandboxConfig(
        security_context=cri.LinuxSandboxSecurityContext(namespace_options=cri.NamespaceOption(pid=mode))
    )


def inside(mode):
    return cri.LinuxContainerConfig(
        security_context=cri.LinuxContainerSecurityContext(namespace_options=cri.NamespaceOption(pid=mode))
    )


def processes(engine, pod):
    """Those in cgroups of the pod's containers, in whichever hierarchy."""
    found = set()
    for folder in engine.cgroups():
        if pod in folder and not folder.endswith("/monitor"):
            found |= set((pathlib.Path(folder) / "cgroup.procs").read_text().split())
    return found


@pytest.mark.parametrize("mode", [cri.POD, cri.NODE])
def test_daemons_end_with_their_container(engine, mode):
    pod = engine.run_pod(f"daemons-{mode}", linux=sharing(mode))
    container = engine.shell(*pod, "c", "setsid sleep 1000 & setsid sleep 1000 & echo made; exit 3", linux=inside(mode))
    assert engine.wait_exit(container).exit_code == 3
    eventually("nothing runs on", lambda: not processes(engine, pod[0]))
    engine.remove_pod(pod[0])
    engine.assert_clean()


def test_nothing_outlives_a_lost_monitor(engine):
    pod = engine.run_pod("lost", linux=sharing(cri.NODE))
    script = "trap '' HUP TERM PIPE; setsid sleep 1000 & while true; do sleep 1; done"
    container = engine.shell(*pod, "c", script, linux=inside(cri.NODE))
    eventually("it runs", lambda: len(processes(engine, pod[0])) >= 2)
    os.kill(engine.monitor_pid(pod[0]), signal.SIGKILL)
    assert engine.wait_exit(container).exit_code == 137
    eventually("nothing runs on", lambda: not processes(engine, pod[0]))
    engine.remove_pod(pod[0])
    engine.assert_clean()


def test_a_pod_ends_with_its_killed_init(engine):
    """Nothing can start in it any more, so it must not pass for one that is ready."""
    pod = engine.run_pod("headless", linux=sharing(cri.POD))
    inner = engine.shell(*pod, "inner", "sleep 1000", linux=inside(cri.POD))
    beside = engine.shell(*pod, "beside", "setsid sleep 1000 & sleep 1000", linux=inside(cri.CONTAINER))
    os.kill(engine.init_pid(pod[0]), signal.SIGKILL)
    eventually("the pod is not ready", lambda: engine.pod_status(pod[0]).state == cri.SANDBOX_NOTREADY)
    for container in [inner, beside]:
        assert (engine.wait_exit(container).exit_code, engine.status(container).reason) == (137, "Error")
    eventually("nothing runs on", lambda: not processes(engine, pod[0]))
    engine.stop_pod(pod[0])
    engine.remove_pod(pod[0])
    engine.assert_clean()

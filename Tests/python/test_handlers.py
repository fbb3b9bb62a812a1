# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Handlers: their programs, and what bounds their work."""

import json
import os
import platform
import subprocess
import time

import grpc
import pytest
from engine import PROGRAMS, cri, eventually


Code = grpc.StatusCode
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


@pytest.fixture(scope="module")
def engine(engine):
    """Its runtime has three seconds for a container; it maps no ports."""
    (engine.folder / "hooks").mkdir()
    other = engine.folder / "other"
    other.write_text(f'#!/bin/sh\necho "$@" >> {engine.folder}/other.log\nexec {PROGRAMS}/skiffrun "$@"\n')
    other.chmod(0o755)
    engine.configure(
        f'[cni]\nmap_host_ports = false\n[runtime]\nhooks_dirs = ["{engine.folder}/hooks"]\n'
        '[runtime.handlers.skiffrun]\ncreate_timeout = "3s"\nmin_memory = 8388608\n'
        "[runtime.handlers.same]\ninherit_default_runtime = true\n"
        f'platform_paths = ["linux/{ARCHITECTURE}={engine.folder}/other"]\n')
    return engine



def test_a_handler_that_inherits(engine):
    config = engine.pod_config("heir")
    pod = engine.runtime.RunPodSandbox(
        cri.RunPodSandboxRequest(config=config, runtime_handler="same"), timeout=60).pod_sandbox_id
    try:
        container = engine.launch(pod, config, "stays", ["sleep", "1000"])
        # The image is of a platform that has a program of its own, whoever drives it.
        log = engine.folder / "other.log"
        assert f"create --bundle {engine.folder}/run/containers/{container}" in log.read_text()
        engine.kill_daemon()
        engine.start_daemon()
        assert engine.exec(container, "echo", "here").stdout == b"here\n"
        assert " exec --detach" in log.read_text()
        info = json.loads(engine.runtime.PodSandboxStatus(
            cri.PodSandboxStatusRequest(pod_sandbox_id=pod, verbose=True), timeout=60).info["info"])
        assert info["runtime"].endswith("/skiffrun")
    finally:
        engine.remove_pod(pod)


def test_a_runtime_that_takes_too_long_is_killed(engine, pod, refused):
    hook = engine.folder / "slow"
    hook.write_text(f"#!/bin/sh\necho $$ > {engine.folder}/slow.pid\nexec sleep 1000\n")
    hook.chmod(0o755)
    definition = {
        "version": "1.0.0", "hook": {"path": str(hook)}, "when": {"always": True}, "stages": ["createRuntime"],
    }
    file = engine.folder / "hooks" / "slow.json"
    file.write_text(json.dumps(definition))
    try:
        begin = time.monotonic()
        with refused(Code.DEADLINE_EXCEEDED, "skiffrun create", "3.0 seconds"):
            engine.create(*pod, "late", ["true"])
        assert 3 <= time.monotonic() - begin < 60
    finally:
        file.unlink()
    process = int((engine.folder / "slow.pid").read_text())
    eventually("the hook is gone", lambda: not os.path.exists(f"/proc/{process}"))
    assert engine.containers() == []
    # The name is free.
    assert engine.wait_exit(engine.launch(*pod, "late", ["true"])).exit_code == 0


def test_the_handler_says_how_little_memory_is_too_little(engine, pod, refused):
    def limit(size):
        return cri.LinuxContainerConfig(resources=cri.LinuxContainerResources(memory_limit_in_bytes=size))

    with refused(Code.INVALID_ARGUMENT, "the least is 8388608 bytes"):
        engine.create(*pod, "small", ["true"], linux=limit((8 << 20) - 1))
    container = engine.launch(*pod, "fits", ["sleep", "1000"], linux=limit(8 << 20))
    request = cri.UpdateContainerResourcesRequest(container_id=container, linux=limit(4 << 20).resources)
    with refused(Code.INVALID_ARGUMENT, "the least is 8388608 bytes"):
        engine.runtime.UpdateContainerResources(request, timeout=60)


def test_ports_that_somebody_else_maps(engine):
    pod, _ = engine.run_pod("unmapped", port_mappings=[cri.PortMapping(host_port=28431, container_port=80)])
    try:
        rules = subprocess.run(["iptables-save", "-t", "nat"], capture_output=True, text=True, check=True).stdout
        assert "28431" not in rules
    finally:
        engine.remove_pod(pod)

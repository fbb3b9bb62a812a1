# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What an engine tells those who look into it over HTTP, and what they change."""

import json
import os
import time

import pytest
from engine import cri, eventually
from inspection import UnixConnection, get


@pytest.fixture(scope="module")
def observed(engine):
    """An engine that can be inspected through a socket, in a folder that it makes."""
    engine.configure(f'[api]\ninspect = "{engine.folder}/observed/inspect"\n')
    engine.inspect = UnixConnection(engine.folder / "observed/inspect")
    return engine



def test_inspection(observed, pod):
    status, text = get(observed.inspect, "/info")
    assert status == 200
    info = json.loads(text)
    assert (info["storage_driver"], info["storage_root"]) == ("overlay", str(observed.folder / "lib"))
    assert info["cgroup_driver"] in ["cgroupfs", "systemd"]
    container = observed.launch(*pod, "seen", ["sleep", "1000"], labels={"app": "seen"})
    status, text = get(observed.inspect, f"/containers/{container}")
    assert status == 200
    seen = json.loads(text)
    assert seen["labels"] == {"app": "seen"} and seen["sandbox"] == pod[0]
    assert seen["image"] == observed.image and seen["created_time"] == observed.status(container).created_at
    assert seen["ip_addresses"] == [observed.pod_status(pod[0]).network.ip]
    assert os.path.isdir(seen["root"] + "/bin") and os.readlink(f"/proc/{seen['pid']}/exe")
    assert get(observed.inspect, "/containers/" + "f" * 64)[0] == 404
    assert get(observed.inspect, "/metrics")[0] == 404
    status, text = get(observed.inspect, "/config")
    assert status == 200 and f'inspect = "{observed.folder}/observed/inspect"' in text


@pytest.mark.parametrize("handler", ["skiffrun", "crun", "runc"])
def test_pause(observed, handler):
    config = observed.pod_config("paused-" + handler)
    request = cri.RunPodSandboxRequest(config=config, runtime_handler=handler)
    pod = observed.runtime.RunPodSandbox(request, timeout=60).pod_sandbox_id
    try:
        container = observed.shell(pod, config, "busy", "trap 'exit 7' TERM; while :; do echo x; sleep 0.05; done")
        log = observed.folder / "logs" / config.metadata.name / "busy.log"
        eventually("it writes", lambda: log.stat().st_size > 0)
        assert get(observed.inspect, f"/unpause/{container}")[0] == 409
        assert get(observed.inspect, f"/pause/{container}", "HEAD")[0] == 405
        assert get(observed.inspect, f"/pause/{container}") == (200, "200 OK")
        assert get(observed.inspect, f"/pause/{container}")[0] == 409
        size = log.stat().st_size
        time.sleep(0.5)
        assert log.stat().st_size == size
        # The CRI has no word for it.
        assert observed.status(container).state == cri.CONTAINER_RUNNING
        assert get(observed.inspect, f"/unpause/{container[:12]}") == (200, "200 OK")
        eventually("it goes on", lambda: log.stat().st_size > size)
        # One that shall end may obey first.
        assert get(observed.inspect, f"/pause/{container}")[0] == 200
        observed.stop(container, timeout=60)
        assert observed.status(container).exit_code == 7
        status, text = get(observed.inspect, f"/pause/{container}")
        assert status == 409 and "exited" in text
        assert get(observed.inspect, "/pause/" + "f" * 64)[0] == 404
    finally:
        observed.remove_pod(pod)

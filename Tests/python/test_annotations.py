# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What pods may ask of a handler by annotations: users, shares of caches, devices."""

import grpc
import pytest
from engine import cri


Code = grpc.StatusCode


@pytest.fixture(scope="module")
def engine(engine):
    """With a handler that allows them, and another one with the same program."""
    engine.configure(
        '[runtime]\nallowed_devices = ["/dev/net/tun"]\n[runtime.handlers.skiffrun]\n'
        'allowed_annotations = ["devices.crio.io", "userns-mode.crio.io", "rdt.resources.beta.kubernetes.io/"]\n'
        "[runtime.handlers.same]\ninherit_default_runtime = true\n")
    return engine



def test_users_by_annotation(engine, refused):
    def asking(text):
        return {"userns-mode.crio.io": text}

    with refused(Code.INVALID_ARGUMENT, "userns-mode.crio.io", "keep-id=true", "size=65536"):
        engine.run_pod("automatic", annotations=asking("auto:keep-id=true"))
    pod, config = engine.run_pod("mapped", annotations=asking("private:uidmapping=0:300000:65536"))
    try:
        for name in ["before", "after"]:
            container = engine.shell(pod, config, name, "cat /proc/self/uid_map /proc/self/gid_map")
            assert engine.wait_exit(container).exit_code == 0
            assert [text.split() for _, _, text in engine.log("mapped", name)] == [["0", "300000", "65536"]] * 2
            # A daemon that is started knows it still.
            engine.kill_daemon()
            engine.start_daemon()
    finally:
        engine.remove_pod(pod)


def test_shares_of_caches_by_annotation(engine, refused):
    """There is no such group; and a handler that takes its program from the default one has annotations of its own."""
    asking = {"rdt.resources.beta.kubernetes.io/pod": "no-such-group"}
    pod, config = engine.run_pod("cached", annotations=asking)
    other_config = engine.pod_config("uncached", annotations=asking)
    request = cri.RunPodSandboxRequest(config=other_config, runtime_handler="same")
    other = engine.runtime.RunPodSandbox(request, timeout=60).pod_sandbox_id
    try:
        with refused(Code.FAILED_PRECONDITION, "use resctrl group", "no-such-group"):
            engine.create(pod, config, "wants", ["true"])
        with refused(Code.INVALID_ARGUMENT, "rdt.resources.beta.kubernetes.io/pod", "allowed_annotations"):
            engine.create(other, other_config, "wants", ["true"])
    finally:
        engine.remove_pod(pod)
        engine.remove_pod(other)


def test_devices_by_annotation(engine, refused):
    pod, config = engine.run_pod("annotated", annotations={"devices.crio.io": "/dev/net/tun:/dev/mine:r"})
    other, other_config = engine.run_pod("greedy", annotations={"devices.crio.io": "/dev/kmsg"})
    try:
        container = engine.shell(
            pod, config, "has", "(: < /dev/mine) && echo read; (: > /dev/mine) || echo not written; ls -l /dev/mine")
        assert engine.wait_exit(container).exit_code == 0
        said = [text for stream, _, text in engine.log("annotated", "has") if stream == "stdout"]
        assert said[:2] == ["read", "not written"] and "10, 200" in " ".join(said[2].split())
        with refused(Code.INVALID_ARGUMENT, "/dev/kmsg", "allowed_devices"):
            engine.create(other, other_config, "wants", ["true"])
        with refused(Code.INVALID_ARGUMENT, "use device", "/dev/none-such", "no such file"):
            engine.create(pod, config, "misses", ["true"], devices=[cri.Device(host_path="/dev/none-such")])
    finally:
        engine.remove_pod(pod)
        engine.remove_pod(other)

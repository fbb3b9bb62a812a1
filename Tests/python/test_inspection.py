# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What an engine tells those who look into it over HTTP, and settings that bound its work."""

import http.client
import json
import os
import platform
import re
import socket
import subprocess
import time

import grpc
import pytest
from engine import PROGRAMS, cri, eventually

Code = grpc.StatusCode
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def get(connection, path, method="GET"):
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def observed(engine):
    """An engine with metrics and inspection on sockets, whose runtime has three seconds for a container."""
    engine.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    engine.journal.bind(str(engine.folder / "journal"))
    engine.journal.settimeout(60)
    hooks = engine.folder / "hooks"
    hooks.mkdir()
    folder = engine.folder / "skiff.toml.d"
    folder.mkdir()
    (folder / "observed.toml").write_text(
        f'[api]\ninspect = "{engine.folder}/observed/inspect"\n[metrics]\nlisten = "{engine.folder}/metrics"\n'
        f'[cni]\nmap_host_ports = false\n[runtime]\nhooks_dirs = ["{hooks}"]\nallowed_devices = ["/dev/net/tun"]\njournal = "{engine.folder}/journal"\n'
        '[runtime.handlers.skiffrun]\ncreate_timeout = "3s"\nmin_memory = 8388608\n'
        'allowed_annotations = ["devices.crio.io", "userns-mode.crio.io", "rdt.resources.beta.kubernetes.io/"]\n'
        f'[runtime.handlers.same]\ninherit_default_runtime = true\nplatform_paths = ["linux/{ARCHITECTURE}={engine.folder}/other"]\n')
    other = engine.folder / "other"
    other.write_text(f'#!/bin/sh\necho "$@" >> {engine.folder}/other.log\nexec {PROGRAMS}/skiffrun "$@"\n')
    other.chmod(0o755)
    engine.kill_daemon()
    engine.start_daemon()
    engine.metrics = UnixConnection(engine.folder / "metrics")
    engine.inspect = UnixConnection(engine.folder / "observed/inspect")
    return engine


def metrics(observed):
    status, text = get(observed.metrics, "/metrics")
    assert status == 200
    values = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = re.fullmatch(r"([a-z_]+(?:\{[^}]*\})?) ([0-9.e+-]+)", line).groups()
            values[name] = float(value)
    return values


def entry(observed):
    lines = observed.journal.recv(65536).decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_journal_gets_the_output_too(observed, pod):
    script = "echo one; head -c 20000 /dev/zero | tr '\\0' x; sleep 0.2; echo end; echo A=two >&2"
    container = observed.shell(*pod, "told", script)
    assert observed.wait_exit(container).exit_code == 0
    entries = [entry(observed) for _ in range(4)]
    output = [(e["MESSAGE"], e.get("CONTAINER_PARTIAL_MESSAGE")) for e in entries if e["PRIORITY"] == "6"]
    assert output == [("one", None), ("x" * 16384, "true"), ("x" * (20000 - 16384) + "end", None)]
    assert [e["MESSAGE"] for e in entries if e["PRIORITY"] == "3"] == ["A=two"]
    for e in entries:
        assert (e["CONTAINER_ID_FULL"], e["CONTAINER_ID"], e["POD_ID"]) == (container, container[:12], pod[0])
    assert [text for _, _, text in observed.log(pod[1].metadata.name, "told")] == [e["MESSAGE"] for e in entries]


def test_metrics(observed, pod):
    def operations(name):
        return metrics(observed).get(f'skiff_operations_total{{operation="{name}"}}', 0)

    before = operations("Version")
    for _ in range(3):
        observed.runtime.Version(cri.VersionRequest(), timeout=60)
    eventually("three more are counted", lambda: operations("Version") == before + 3)
    with pytest.raises(grpc.RpcError):
        observed.status("f" * 64)
    eventually("so is a failure", lambda: metrics(observed).get(
        'skiff_operations_errors_total{operation="ContainerStatus"}', 0) >= 1)
    now = metrics(observed)
    assert now["skiff_pods"] == 1 and now["skiff_containers"] == 0
    assert now['skiff_default_runtime{runtime="skiffrun"}'] == 1
    assert now["skiff_resident_memory_bytes"] > 1 << 20 and now["skiff_open_fds"] > 5
    assert now['skiff_operations_latency_seconds_total_sum{operation="RunPodSandbox"}'] > 0
    assert get(observed.metrics, "/info")[0] == 404


def test_metrics_of_pulls(observed, pod):
    observed.images.RemoveImage(cri.RemoveImageRequest(image=cri.ImageSpec(image=observed.image)), timeout=60)
    before = metrics(observed)
    observed.pull()
    now = metrics(observed)

    def total(values, name):
        return sum(value for key, value in values.items() if key.startswith(f"skiff_{name}{{"))

    layers = [key for key in now if key.startswith("skiff_image_pulls_bytes_total{")]
    assert layers and all('mediatype="application/vnd.' in key and 'size=">' in key for key in layers)
    fetched = total(now, "image_pulls_bytes_total") - total(before, "image_pulls_bytes_total")
    assert fetched > 0
    assert now["skiff_image_pulls_layer_size_sum"] - before["skiff_image_pulls_layer_size_sum"] == fetched
    assert now['skiff_image_pulls_layer_size_bucket{le="+Inf"}'] == now["skiff_image_pulls_layer_size_count"] > 0
    assert 'skiff_image_pulls_layer_size_bucket{le="1e+06"}' in now
    observed.pull()
    again = metrics(observed)
    assert total(again, "image_pulls_bytes_total") == total(now, "image_pulls_bytes_total")
    assert total(again, "image_pulls_skipped_bytes_total") - total(now, "image_pulls_skipped_bytes_total") == fetched
    names = [key for key in again if key.startswith("skiff_image_layer_reuse_total{")]
    assert names and all(f'name="{observed.image}@sha256:' in key for key in names)
    for name in ["PullImage", "network_setup_pod", "network_setup_overall"]:
        assert again[f'skiff_operations_latency_seconds{{operation="{name}"}}'] > 0
        quantiles = [again[f'skiff_operations_latency_seconds_total{{operation="{name}",quantile="{q}"}}'] for q in [0.5, 0.9, 0.99]]
        assert 0 < quantiles[0] <= quantiles[1] <= quantiles[2]


def test_metrics_of_a_lack_of_memory(observed, pod):
    before = metrics(observed)["skiff_containers_oom_total"]
    container = observed.shell(
        *pod, "greedy", "tail /dev/zero",
        linux=cri.LinuxContainerConfig(resources=cri.LinuxContainerResources(memory_limit_in_bytes=16 << 20)))
    assert observed.wait_exit(container).reason == "OOMKilled"
    assert metrics(observed)["skiff_containers_oom_total"] == before + 1
    assert [value for key, value in metrics(observed).items() if key.startswith("skiff_containers_oom_count_total{")] == [1]


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


def test_users_by_annotation(observed, refused):
    def asking(text):
        return {"userns-mode.crio.io": text}

    with refused(Code.INVALID_ARGUMENT, "userns-mode.crio.io", "hostUsers: false"):
        observed.run_pod("automatic", annotations=asking("auto:size=65536"))
    pod, config = observed.run_pod("mapped", annotations=asking("private:uidmapping=0:300000:65536"))
    try:
        for name in ["before", "after"]:
            container = observed.shell(pod, config, name, "cat /proc/self/uid_map /proc/self/gid_map")
            assert observed.wait_exit(container).exit_code == 0
            assert [text.split() for _, _, text in observed.log("mapped", name)] == [["0", "300000", "65536"]] * 2
            # A daemon that is started knows it still.
            observed.kill_daemon()
            observed.start_daemon()
    finally:
        observed.remove_pod(pod)


def test_shares_of_caches_by_annotation(observed, refused):
    """There is no such group; and a handler that takes its program from the default one has annotations of its own."""
    asking = {"rdt.resources.beta.kubernetes.io/pod": "no-such-group"}
    pod, config = observed.run_pod("cached", annotations=asking)
    other_config = observed.pod_config("uncached", annotations=asking)
    request = cri.RunPodSandboxRequest(config=other_config, runtime_handler="same")
    other = observed.runtime.RunPodSandbox(request, timeout=60).pod_sandbox_id
    try:
        with refused(Code.FAILED_PRECONDITION, "use resctrl group", "no-such-group"):
            observed.create(pod, config, "wants", ["true"])
        with refused(Code.INVALID_ARGUMENT, "rdt.resources.beta.kubernetes.io/pod", "allowed_annotations"):
            observed.create(other, other_config, "wants", ["true"])
    finally:
        observed.remove_pod(pod)
        observed.remove_pod(other)


def test_a_handler_that_inherits(observed):
    config = observed.pod_config("heir")
    pod = observed.runtime.RunPodSandbox(
        cri.RunPodSandboxRequest(config=config, runtime_handler="same"), timeout=60).pod_sandbox_id
    try:
        container = observed.launch(pod, config, "stays", ["sleep", "1000"])
        # The image is of a platform that has a program of its own, whoever drives it.
        log = observed.folder / "other.log"
        assert f"create --bundle {observed.folder}/run/containers/{container}" in log.read_text()
        observed.kill_daemon()
        observed.start_daemon()
        assert observed.exec(container, "echo", "here").stdout == b"here\n"
        assert " exec --detach" in log.read_text()
        info = json.loads(observed.runtime.PodSandboxStatus(
            cri.PodSandboxStatusRequest(pod_sandbox_id=pod, verbose=True), timeout=60).info["info"])
        assert info["runtime"].endswith("/skiffrun")
    finally:
        observed.remove_pod(pod)


def test_a_runtime_that_takes_too_long_is_killed(observed, pod, refused):
    hook = observed.folder / "slow"
    hook.write_text(f"#!/bin/sh\necho $$ > {observed.folder}/slow.pid\nexec sleep 1000\n")
    hook.chmod(0o755)
    definition = {
        "version": "1.0.0", "hook": {"path": str(hook)}, "when": {"always": True}, "stages": ["createRuntime"],
    }
    file = observed.folder / "hooks" / "slow.json"
    file.write_text(json.dumps(definition))
    try:
        begin = time.monotonic()
        with refused(Code.DEADLINE_EXCEEDED, "skiffrun create", "3.0 seconds"):
            observed.create(*pod, "late", ["true"])
        assert 3 <= time.monotonic() - begin < 60
    finally:
        file.unlink()
    process = int((observed.folder / "slow.pid").read_text())
    eventually("the hook is gone", lambda: not os.path.exists(f"/proc/{process}"))
    assert observed.containers() == []
    # The name is free.
    assert observed.wait_exit(observed.launch(*pod, "late", ["true"])).exit_code == 0


def test_the_handler_says_how_little_memory_is_too_little(observed, pod, refused):
    def limit(size):
        return cri.LinuxContainerConfig(resources=cri.LinuxContainerResources(memory_limit_in_bytes=size))

    with refused(Code.INVALID_ARGUMENT, "the least is 8388608 bytes"):
        observed.create(*pod, "small", ["true"], linux=limit((8 << 20) - 1))
    container = observed.launch(*pod, "fits", ["sleep", "1000"], linux=limit(8 << 20))
    request = cri.UpdateContainerResourcesRequest(container_id=container, linux=limit(4 << 20).resources)
    with refused(Code.INVALID_ARGUMENT, "the least is 8388608 bytes"):
        observed.runtime.UpdateContainerResources(request, timeout=60)


def test_ports_that_somebody_else_maps(observed):
    pod, _ = observed.run_pod("unmapped", port_mappings=[cri.PortMapping(host_port=28431, container_port=80)])
    try:
        rules = subprocess.run(["iptables-save", "-t", "nat"], capture_output=True, text=True, check=True).stdout
        assert "28431" not in rules
    finally:
        observed.remove_pod(pod)


def test_devices_by_annotation(observed, refused):
    pod, config = observed.run_pod("annotated", annotations={"devices.crio.io": "/dev/net/tun:/dev/mine:r"})
    other, other_config = observed.run_pod("greedy", annotations={"devices.crio.io": "/dev/kmsg"})
    try:
        container = observed.shell(
            pod, config, "has", "(: < /dev/mine) && echo read; (: > /dev/mine) || echo not written; ls -l /dev/mine")
        assert observed.wait_exit(container).exit_code == 0
        said = [text for stream, _, text in observed.log("annotated", "has") if stream == "stdout"]
        assert said[:2] == ["read", "not written"] and "10, 200" in " ".join(said[2].split())
        with refused(Code.INVALID_ARGUMENT, "/dev/kmsg", "allowed_devices"):
            observed.create(other, other_config, "wants", ["true"])
        with refused(Code.INVALID_ARGUMENT, "use device", "/dev/none-such", "no such file"):
            observed.create(pod, config, "misses", ["true"], devices=[cri.Device(host_path="/dev/none-such")])
    finally:
        observed.remove_pod(pod)
        observed.remove_pod(other)


def test_a_container_knows_that_it_is_one(observed, pod):
    container = observed.shell(*pod, "mark", "cat /run/.containerenv && echo there; echo $container")
    assert observed.wait_exit(container).exit_code == 0
    assert [text for _, _, text in observed.log(pod[1].metadata.name, "mark")] == ["there", "skiff"]


def test_an_engine_does_without_a_place_for_metrics(observed):
    place = observed.folder / "metrics"
    observed.kill_daemon()
    place.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(place))
        other.listen()
        observed.start_daemon()
        observed.runtime.Version(cri.VersionRequest(), timeout=60)
        assert get(observed.inspect, "/info")[0] == 200
        assert "the engine goes on without, and tries again" in (observed.folder / "skiffd.log").read_text()

    def served():
        try:
            return get(observed.metrics, "/metrics")[0] == 200
        except OSError:
            observed.metrics.close()
            return False

    eventually("metrics are there in the end", served)

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What containers and pods use, as statistics and as metrics, and limits that are changed."""

import pathlib
import urllib.request

import grpc
import pytest
from engine import cri, eventually

Code = grpc.StatusCode


def limits(**values):
    return cri.LinuxContainerConfig(resources=cri.LinuxContainerResources(**values))


def update(engine, container, **values):
    request = cri.UpdateContainerResourcesRequest(
        container_id=container, linux=cri.LinuxContainerResources(**values)
    )
    engine.runtime.UpdateContainerResources(request, timeout=60)


def in_kernel(engine, container, *names):
    """The first of the files that the container's cgroup has."""
    for folder in engine.cgroups():
        for name in names:
            file = pathlib.Path(folder) / name
            if container in folder and file.exists():
                return file.read_text().strip()
    raise AssertionError(f"none of {names}")


def test_statistics_of_a_container(engine, pod):
    container = engine.shell(
        *pod, "busy", "head -c 3000000 /dev/zero > /tmp/written; echo done; while true; do true; done",
        linux=limits(memory_limit_in_bytes=64 << 20), labels={"app": "busy"},
    )
    eventually("it has written", lambda: engine.log(pod[1].metadata.name, "busy"))
    request = cri.ContainerStatsRequest(container_id=container)

    def stats():
        return engine.runtime.ContainerStats(request, timeout=60).stats

    first = stats()
    assert (first.attributes.id, first.attributes.labels["app"]) == (container, "busy")
    assert first.attributes.metadata.name == "busy"
    later = eventually(
        "it uses CPU", lambda: s if (s := stats()).cpu.usage_core_nano_seconds.value
        > first.cpu.usage_core_nano_seconds.value + 100_000_000 else None)
    assert later.cpu.timestamp > first.cpu.timestamp
    # The window of a rate is half a second at least.
    eventually("there is a rate", lambda: stats().cpu.usage_nano_cores.value > 10_000_000)
    assert 0 < later.memory.working_set_bytes.value <= later.memory.usage_bytes.value < 64 << 20
    assert later.memory.available_bytes.value == (64 << 20) - later.memory.working_set_bytes.value
    assert later.memory.page_faults.value > 0
    layer = eventually("it is measured", lambda: s if (s := stats().writable_layer).timestamp else None)
    assert 3_000_000 <= layer.used_bytes.value < 4_000_000
    assert layer.inodes_used.value >= 2 and layer.fs_id.mountpoint
    if pathlib.Path("/proc/pressure/cpu").exists():
        assert later.cpu.HasField("psi") and later.memory.HasField("psi") and later.io.HasField("psi")


def test_list_of_statistics(engine, pod):
    one = engine.shell(*pod, "one", "sleep 1000", labels={"which": "one"})
    two = engine.shell(*pod, "two", "sleep 1000", labels={"which": "two"})
    ended = engine.launch(*pod, "three", ["true"])
    engine.wait_exit(ended)

    def listed(**fields):
        request = cri.ListContainerStatsRequest(filter=cri.ContainerStatsFilter(**fields))
        return {s.attributes.id for s in engine.runtime.ListContainerStats(request, timeout=60).stats}

    assert listed(pod_sandbox_id=pod[0]) == {one, two}
    assert listed(id=one[:20]) == {one}
    assert listed(label_selector={"which": "two"}) == {two}
    assert listed(id="f" * 64) == set()
    streamed = engine.runtime.StreamContainerStats(
        cri.StreamContainerStatsRequest(filter=cri.ContainerStatsFilter(pod_sandbox_id=pod[0])), timeout=60
    )
    assert {s.attributes.id for part in streamed for s in part.container_stats} == {one, two}
    with pytest.raises(grpc.RpcError) as error:
        engine.runtime.ContainerStats(cri.ContainerStatsRequest(container_id="f" * 64), timeout=60)
    assert error.value.code() == Code.NOT_FOUND


def test_statistics_of_a_pod(engine, pod):
    engine.launch(*pod, "web", [])
    address = engine.pod_status(pod[0]).network.ip

    def stats():
        return engine.runtime.PodSandboxStats(cri.PodSandboxStatsRequest(pod_sandbox_id=pod[0]), timeout=60).stats

    before = stats().linux
    assert before.network.default_interface.name == "eth0"

    def served():
        try:
            return urllib.request.urlopen(f"http://{address}/", timeout=5).read()
        except OSError:
            return None

    eventually("the page comes", served)
    after = stats().linux
    assert after.network.default_interface.rx_bytes.value > before.network.default_interface.rx_bytes.value
    assert after.network.default_interface.tx_bytes.value > before.network.default_interface.tx_bytes.value
    assert not after.network.interfaces
    assert after.process.process_count.value >= 1
    assert len(after.containers) == 1 and after.memory.usage_bytes.value > 0
    request = cri.ListPodSandboxStatsRequest(filter=cri.PodSandboxStatsFilter(id=pod[0]))
    assert [s.attributes.id for s in engine.runtime.ListPodSandboxStats(request, timeout=60).stats] == [pod[0]]


def test_metrics_fit_their_descriptors(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000", linux=limits(memory_limit_in_bytes=64 << 20, cpu_shares=512))
    answer = engine.runtime.ListMetricDescriptors(cri.ListMetricDescriptorsRequest(), timeout=60)
    labels = {d.name: list(d.label_keys) for d in answer.descriptors}
    assert len(labels) == len(answer.descriptors)

    def metrics():
        answer = engine.runtime.ListPodSandboxMetrics(cri.ListPodSandboxMetricsRequest(), timeout=60)
        return next(p for p in answer.pod_metrics if p.pod_sandbox_id == pod[0])

    found = metrics()
    (member,) = found.container_metrics
    assert member.container_id == container
    for metric in [*found.metrics, *member.metrics]:
        assert len(metric.label_values) == len(labels[metric.name]), metric.name
    values = {m.name: m for m in member.metrics}
    keys = labels["container_spec_memory_limit_bytes"]
    named = dict(zip(keys, values["container_spec_memory_limit_bytes"].label_values))
    assert (named["container"], named["pod"], named["namespace"]) == ("c", pod[1].metadata.name, "test")
    assert values["container_spec_memory_limit_bytes"].value.value == 64 << 20
    assert values["container_spec_cpu_shares"].value.value == 512
    assert values["container_processes"].value.value == 1
    assert values["container_file_descriptors"].value.value >= 3
    assert values["container_memory_usage_bytes"].value.value > 0
    received = next(m for m in found.metrics if m.name == "container_network_receive_bytes_total")
    assert received.label_values[-1] == "eth0"
    if pathlib.Path("/proc/pressure/cpu").exists():
        assert "container_pressure_cpu_waiting_seconds_total" in values


def test_lists_in_parts(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    pods = engine.runtime.StreamPodSandboxes(cri.StreamPodSandboxesRequest(), timeout=60)
    assert [p.id for part in pods for p in part.pod_sandboxes] == [p.id for p in engine.pods()]
    containers = engine.runtime.StreamContainers(cri.StreamContainersRequest(), timeout=60)
    assert container in [c.id for part in containers for c in part.containers]
    images = engine.images.StreamImages(cri.StreamImagesRequest(), timeout=60)
    assert engine.image in [tag for part in images for image in part.images for tag in image.repo_tags]
    stats = engine.runtime.StreamPodSandboxStats(cri.StreamPodSandboxStatsRequest(), timeout=60)
    assert pod[0] in [s.attributes.id for part in stats for s in part.pod_sandbox_stats]
    metrics = engine.runtime.StreamPodSandboxMetrics(cri.StreamPodSandboxMetricsRequest(), timeout=60)
    assert pod[0] in [m.pod_sandbox_id for part in metrics for m in part.pod_sandbox_metrics]


@pytest.mark.parametrize("engine", ["skiffrun", "crun", "runc"], indirect=True, scope="module")
def test_limits_change(engine, pod, refused):
    container = engine.create(
        *pod, "c", ["sleep", "1000"], linux=limits(memory_limit_in_bytes=64 << 20, cpu_shares=512)
    )
    # Before the start, and after it.
    update(engine, container, cpu_shares=256)
    engine.start(container)
    update(engine, container, memory_limit_in_bytes=96 << 20, cpu_period=100000, cpu_quota=30000)
    assert in_kernel(engine, container, "memory.limit_in_bytes", "memory.max") == str(96 << 20)
    assert in_kernel(engine, container, "cpu.cfs_quota_us", "cpu.max").split()[0] == "30000"
    told = engine.status(container).resources.linux
    assert (told.memory_limit_in_bytes, told.cpu_quota, told.cpu_shares) == (96 << 20, 30000, 256)
    with refused(Code.INVALID_ARGUMENT, "1024"):
        update(engine, container, memory_limit_in_bytes=1024)
    with refused(Code.INVALID_ARGUMENT, "cpu_shares", "negative"):
        update(engine, container, cpu_shares=-5)
    engine.stop(container, timeout=0)
    with refused(Code.FAILED_PRECONDITION, "exited"):
        update(engine, container, cpu_shares=256)
    with refused(Code.NOT_FOUND):
        update(engine, "f" * 64, cpu_shares=256)


def test_changed_limits_survive_the_daemon(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    update(engine, container, cpu_shares=300)
    engine.kill_daemon()
    engine.start_daemon()
    assert engine.status(container).resources.linux.cpu_shares == 300


def test_a_limit_below_use_is_refused(engine, pod, refused):
    # The shell stays, with its memory: the last command of all would take its place.
    script = "x=x; while [ ${#x} -lt 9000000 ]; do x=$x$x; done; echo ready; while true; do sleep 1; done"
    container = engine.shell(*pod, "c", script)
    eventually("it uses memory", lambda: engine.log(pod[1].metadata.name, "c"))
    with refused(Code.INVALID_ARGUMENT, "in use"):
        update(engine, container, memory_limit_in_bytes=4 << 20)


def test_pods_are_told_of_limits(engine, pod, refused):
    request = cri.UpdatePodSandboxResourcesRequest(
        pod_sandbox_id=pod[0], resources=cri.LinuxContainerResources(cpu_shares=2048)
    )
    engine.runtime.UpdatePodSandboxResources(request, timeout=60)
    assert in_kernel(engine, pod[0], "cpu.shares", "cpu.weight") in ["2048", "79"]
    request.pod_sandbox_id = "f" * 64
    with refused(Code.NOT_FOUND):
        engine.runtime.UpdatePodSandboxResources(request, timeout=60)


def test_skiffctl_prints_use(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    assert container[:13] in engine.skiffctl("stats")
    assert pod[0][:13] in engine.skiffctl("statsp")
    assert container[:13] in engine.skiffctl("top", "-n", "1", "--seconds", "1")
    assert engine.skiffctl("update", "--cpu-shares", "400", container).strip() == container
    assert engine.status(container).resources.linux.cpu_shares == 400
    assert "container_memory_rss" in engine.skiffctl("metricdescs")
    assert pod[0] in engine.skiffctl("metricsp")
    assert "CGROUPFS" in engine.skiffctl("runtime-config")

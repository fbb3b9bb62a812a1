# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What an engine tells of itself in the form of Prometheus."""

import socket

import grpc
import pytest
from engine import cri, eventually
from inspection import UnixConnection, get, metrics


@pytest.fixture(scope="module")
def observed(engine):
    """An engine that serves metrics, and inspection, on sockets."""
    engine.configure(
        f'[api]\ninspect = "{engine.folder}/inspect"\n[metrics]\nlisten = "{engine.folder}/metrics"\n')
    engine.metrics = UnixConnection(engine.folder / "metrics")
    engine.inspect = UnixConnection(engine.folder / "inspect")
    return engine



def test_metrics(observed, pod):
    def operations(name):
        return metrics(observed.metrics).get(f'skiff_operations_total{{operation="{name}"}}', 0)

    before = operations("Version")
    for _ in range(3):
        observed.runtime.Version(cri.VersionRequest(), timeout=60)
    eventually("three more are counted", lambda: operations("Version") == before + 3)
    with pytest.raises(grpc.RpcError):
        observed.status("f" * 64)
    eventually("so is a failure", lambda: metrics(observed.metrics).get(
        'skiff_operations_errors_total{operation="ContainerStatus"}', 0) >= 1)
    now = metrics(observed.metrics)
    assert now["skiff_pods"] == 1 and now["skiff_containers"] == 0
    assert now['skiff_default_runtime{runtime="skiffrun"}'] == 1
    assert now["skiff_resident_memory_bytes"] > 1 << 20 and now["skiff_open_fds"] > 5
    assert now['skiff_operations_latency_seconds_total_sum{operation="RunPodSandbox"}'] > 0
    assert get(observed.metrics, "/info")[0] == 404


def test_metrics_of_pulls(observed, pod):
    observed.images.RemoveImage(cri.RemoveImageRequest(image=cri.ImageSpec(image=observed.image)), timeout=60)
    before = metrics(observed.metrics)
    observed.pull()
    now = metrics(observed.metrics)

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
    again = metrics(observed.metrics)
    assert total(again, "image_pulls_bytes_total") == total(now, "image_pulls_bytes_total")
    assert total(again, "image_pulls_skipped_bytes_total") - total(now, "image_pulls_skipped_bytes_total") == fetched
    names = [key for key in again if key.startswith("skiff_image_layer_reuse_total{")]
    assert names and all(f'name="{observed.image}@sha256:' in key for key in names)
    for name in ["PullImage", "network_setup_pod", "network_setup_overall"]:
        assert again[f'skiff_operations_latency_seconds{{operation="{name}"}}'] > 0
        quantiles = [again[f'skiff_operations_latency_seconds_total{{operation="{name}",quantile="{q}"}}'] for q in [0.5, 0.9, 0.99]]
        assert 0 < quantiles[0] <= quantiles[1] <= quantiles[2]


def test_metrics_of_a_lack_of_memory(observed, pod):
    before = metrics(observed.metrics)["skiff_containers_oom_total"]
    container = observed.shell(
        *pod, "greedy", "tail /dev/zero",
        linux=cri.LinuxContainerConfig(resources=cri.LinuxContainerResources(memory_limit_in_bytes=16 << 20)))
    assert observed.wait_exit(container).reason == "OOMKilled"
    assert metrics(observed.metrics)["skiff_containers_oom_total"] == before + 1
    assert [value for key, value in metrics(observed.metrics).items() if key.startswith("skiff_containers_oom_count_total{")] == [1]


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

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Bad input: one clear error with the right code, and nothing left behind."""

import grpc
import pytest
from engine import DEADLINE, cri

Code = grpc.StatusCode
UNKNOWN = "f" * 64


@pytest.mark.parametrize(
    "image, code, words",
    [
        ("reg.example/UPPER/case", Code.INVALID_ARGUMENT, ["UPPER/case"]),
        ("", Code.INVALID_ARGUMENT, ["image"]),
        ("{registry}/missing:1", Code.NOT_FOUND, ["missing:1"]),
        ("{registry}/web:missing", Code.NOT_FOUND, ["web:missing"]),
        ("{registry}/web@sha256:" + "0" * 64, Code.NOT_FOUND, ["sha256:0000"]),
        ("127.0.0.1:1/web:1", Code.UNAVAILABLE, ["RegistryUnavailable", "127.0.0.1:1", "refused"]),
    ],
)
def test_pull(engine, refused, image, code, words):
    spec = cri.ImageSpec(image=image.format(registry=engine.env["REGISTRY"]))
    with refused(code, *words):
        engine.images.PullImage(cri.PullImageRequest(image=spec), timeout=DEADLINE)
    assert len(engine.images.ListImages(cri.ListImagesRequest()).images) == 1


def test_unknown_ids(engine, refused):
    with refused(Code.NOT_FOUND, UNKNOWN):
        engine.status(UNKNOWN)
    with refused(Code.NOT_FOUND, UNKNOWN):
        engine.pod_status(UNKNOWN)
    with refused(Code.NOT_FOUND, UNKNOWN):
        engine.start(UNKNOWN)
    with refused(Code.NOT_FOUND, UNKNOWN):
        engine.exec(UNKNOWN, "true")
    # What is not there is already stopped, removed, and not listed.
    engine.stop(UNKNOWN)
    engine.remove(UNKNOWN)
    engine.stop_pod(UNKNOWN)
    engine.remove_pod(UNKNOWN)
    image = cri.ImageSpec(image="not/here:1")
    assert not engine.images.ImageStatus(cri.ImageStatusRequest(image=image)).HasField("image")
    engine.images.RemoveImage(cri.RemoveImageRequest(image=image))
    listed = engine.runtime.ListContainers(cri.ListContainersRequest(filter=cri.ContainerFilter(id=UNKNOWN)))
    assert not listed.containers
    listed = engine.runtime.ListPodSandbox(cri.ListPodSandboxRequest(filter=cri.PodSandboxFilter(id=UNKNOWN)))
    assert not listed.items


def test_prefixes(engine, pod, refused):
    # With seventeen containers two must begin alike.
    containers = [engine.create(*pod, f"c{number}", ["true"]) for number in range(17)]
    heads = [container[0] for container in containers]
    twice = next(head for head in heads if heads.count(head) > 1)
    with refused(Code.INVALID_ARGUMENT, twice, "ambiguous"):
        engine.status(twice)
    assert engine.status(containers[0][:20]).id == containers[0]
    for container in containers:
        engine.remove(container)


def test_names_in_use(engine, pod, refused):
    identifier, config = pod
    engine.create(identifier, config, "c", ["true"])
    with refused(Code.ALREADY_EXISTS, '"c'):
        engine.create(identifier, config, "c", ["true"])
    # A pod that is ready is what the caller asked for.
    again = engine.runtime.RunPodSandbox(cri.RunPodSandboxRequest(config=config), timeout=DEADLINE)
    assert again.pod_sandbox_id == identifier


def test_wrong_states(engine, pod, refused):
    container = engine.create(*pod, "c", ["true"])
    with refused(Code.FAILED_PRECONDITION, container[:12]):
        engine.exec(container, "true")
    engine.start(container)
    engine.wait_exit(container)
    with refused(Code.FAILED_PRECONDITION, container[:12]):
        engine.start(container)
    with refused(Code.FAILED_PRECONDITION, container[:12]):
        engine.exec(container, "true")
    engine.stop_pod(pod[0])
    with refused(Code.FAILED_PRECONDITION, pod[0][:12]):
        engine.create(*pod, "late", ["true"])


def test_incomplete_requests(engine, pod, refused):
    with refused(Code.INVALID_ARGUMENT, "config"):
        engine.runtime.RunPodSandbox(cri.RunPodSandboxRequest())
    with refused(Code.INVALID_ARGUMENT, "metadata"):
        engine.runtime.RunPodSandbox(cri.RunPodSandboxRequest(config=cri.PodSandboxConfig()))
    with refused(Code.INVALID_ARGUMENT, "config"):
        engine.runtime.CreateContainer(cri.CreateContainerRequest(pod_sandbox_id=pod[0]))
    with refused(Code.NOT_FOUND, "missing"):
        config = cri.ContainerConfig(
            metadata=cri.ContainerMetadata(name="c"), image=cri.ImageSpec(image="missing/image:1")
        )
        engine.runtime.CreateContainer(
            cri.CreateContainerRequest(pod_sandbox_id=pod[0], config=config, sandbox_config=pod[1])
        )


def test_unknown_handler(engine, refused):
    with refused(Code.INVALID_ARGUMENT, "nonesuch"):
        engine.runtime.RunPodSandbox(
            cri.RunPodSandboxRequest(config=engine.pod_config("h"), runtime_handler="nonesuch"), timeout=DEADLINE
        )
    engine.assert_clean()


def test_missing_executable(engine, pod):
    with pytest.raises(grpc.RpcError) as error:
        container = engine.create(*pod, "c", ["/does/not/exist"])
        engine.start(container)
    assert "/does/not/exist" in error.value.details()
    assert "no such file or directory" in error.value.details()


def test_unknown_user_and_capability(engine, pod, refused):
    user = cri.LinuxContainerSecurityContext(run_as_username="nobody-here")
    with refused(Code.INVALID_ARGUMENT, "nobody-here"):
        engine.create(*pod, "u", ["true"], linux=cri.LinuxContainerConfig(security_context=user))
    capability = cri.LinuxContainerSecurityContext(capabilities=cri.Capability(add_capabilities=["FLY"]))
    with refused(Code.INVALID_ARGUMENT, "FLY"):
        engine.create(*pod, "c", ["true"], linux=cri.LinuxContainerConfig(security_context=capability))
    assert not engine.containers()


def test_not_yet_built(engine, refused):
    with refused(Code.UNIMPLEMENTED, "CheckpointPod"):
        engine.runtime.CheckpointPod(cri.CheckpointPodRequest(pod_sandbox_id="x"))


def broken_network(engine, text):
    network = engine.folder / "cni/10-pods.conflist"
    good = network.read_text()
    network.write_text(text(good))
    return lambda: network.write_text(good)


def test_missing_plugin(engine):
    restore = broken_network(engine, lambda good: good.replace('"portmap"', '"nonesuch"'))
    try:
        with pytest.raises(grpc.RpcError) as error:
            engine.run_pod("broken")
        assert "nonesuch" in error.value.details()
        assert not engine.pods()
        engine.assert_clean()
    finally:
        restore()


def test_malformed_network(engine):
    restore = broken_network(engine, lambda good: good[:-20])
    try:
        conditions = engine.runtime.Status(cri.StatusRequest()).status.conditions
        network = next(c for c in conditions if c.type == "NetworkReady")
        assert not network.status
        assert "10-pods.conflist" in network.message
        with pytest.raises(grpc.RpcError) as error:
            engine.run_pod("broken")
        assert "10-pods.conflist" in error.value.details()
        assert not engine.pods()
        engine.assert_clean()
    finally:
        restore()
    conditions = engine.runtime.Status(cri.StatusRequest()).status.conditions
    assert all(c.status for c in conditions)


def test_failing_network(engine):
    """The second plugin fails when the first has already made an interface and taken an address."""
    restore = broken_network(engine, lambda good: good.replace('"type": "portmap"', '"type": "tuning", "mtu": -5'))
    try:
        with pytest.raises(grpc.RpcError):
            engine.run_pod("broken")
        assert not engine.pods()
        engine.assert_clean()
    finally:
        restore()


def test_image_in_use(engine, pod, refused):
    container = engine.shell(*pod, "c", "sleep 1000")
    with refused(Code.FAILED_PRECONDITION, "used by"):
        engine.images.RemoveImage(cri.RemoveImageRequest(image=cri.ImageSpec(image=engine.image)))
    assert engine.exec(container, "echo", "fine").stdout == b"fine\n"


def test_skiffctl_errors(engine):
    assert engine.skiffctl("inspect", "nonesuch", status=1).count("\n") == 1
    assert "nonesuch.json" in engine.skiffctl("runp", "/nonesuch.json", status=1)
    bad = engine.folder / "bad.json"
    bad.write_text('{"metadata": {"name": "x"}, "nonsense": 1}')
    assert "nonsense" in engine.skiffctl("runp", str(bad), status=1)
    bad.write_text("{")
    assert "bad.json" in engine.skiffctl("runp", str(bad), status=1)

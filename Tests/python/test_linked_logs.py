# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""A pod's logs in one of its own volumes, for a container that sends them on."""

import subprocess

import grpc
import pytest
from engine import cri, eventually

Code = grpc.StatusCode
NAME = "link-logs.crio.io"


@pytest.fixture(scope="module")
def kubelet(engine):
    folder = engine.folder / "skiff.toml.d"
    folder.mkdir()
    (folder / "logs.toml").write_text(
        f'[runtime]\nkubelet_dir = "{engine.folder}/kubelet"\n'
        f'[runtime.handlers.skiffrun]\nallowed_annotations = ["{NAME}"]\n')
    engine.kill_daemon()
    engine.start_daemon()
    return engine


def volume(engine, pod, name="logs"):
    path = engine.folder / "kubelet/pods" / f"uid-{pod}" / "volumes/kubernetes.io~empty-dir" / name
    path.mkdir(parents=True)
    return path


def test_logs_in_a_volume(kubelet):
    engine = kubelet
    folder = volume(engine, "linked")
    pod, config = engine.run_pod("linked", annotations={NAME: "logs"})
    talker = engine.shell(pod, config, "talker", "echo hello; sleep 1000")
    mount = cri.Mount(container_path="/logs", host_path=str(folder))
    reader = engine.shell(pod, config, "reader", "sleep 1000", mounts=[mount])
    eventually("the log is read", lambda: b"hello" in engine.exec(reader, "cat", f"/logs/{talker}.log").stdout)
    assert engine.exec(reader, "cat", "/logs/talker.log").stdout == engine.exec(reader, "cat", f"/logs/{talker}.log").stdout
    assert b"Read-only" in engine.exec(reader, "sh", "-c", "busybox rm /logs/talker.log").stderr
    engine.kill_daemon()
    engine.start_daemon()
    engine.stop_pod(pod)
    assert not list(folder.iterdir())
    engine.remove_pod(pod)
    engine.assert_clean()
    assert (engine.folder / "logs/linked/talker.log").exists()


def test_a_volume_that_cannot_be(kubelet, refused):
    engine = kubelet
    folder = volume(engine, "bad")
    (folder.parent / "link").symlink_to(engine.folder)
    for name, words, code in [
        ("absent", "no such file", Code.UNKNOWN), ("../logs", "no name of a volume", Code.INVALID_ARGUMENT),
        ("link", "symbolic link", Code.UNKNOWN), ("", "no name of a volume", Code.INVALID_ARGUMENT),
    ]:
        with refused(code, words):
            engine.run_pod("bad", annotations={NAME: name})
    with refused(Code.INVALID_ARGUMENT, "uid"):
        config = engine.pod_config("bad", annotations={NAME: "logs"})
        config.metadata.uid = ".."
        engine.runtime.RunPodSandbox(cri.RunPodSandboxRequest(config=config), timeout=60)
    assert not engine.pods()
    engine.assert_clean()


def test_what_the_handler_does_not_allow(kubelet):
    """Nothing is mounted, nor does anything else go with the pod that lies at the volume."""
    folder = volume(kubelet, "other")
    pod, config = kubelet.run_pod("other", annotations={"io.kubernetes.cri-o.LinkLogs": "logs"})
    kubelet.shell(pod, config, "c", "sleep 1000")
    assert not list(folder.iterdir()) and not (kubelet.folder / "logs/other").joinpath("c.log").is_symlink()
    assert not [path for path in (kubelet.folder / "logs/other").iterdir() if path.is_symlink()]
    kubelet.remove_pod(pod)


@pytest.mark.parametrize("start", [True, False])
def test_what_kubelet_has_mounted_stays(kubelet, start):
    """A volume in memory is a mount as well."""
    name = f"memory-{start}".lower()
    folder = volume(kubelet, name)
    subprocess.run(["mount", "-t", "tmpfs", "skiff-test", folder], check=True)
    try:
        (folder / "own").write_text("own")
        pod, _ = kubelet.run_pod(name, annotations={NAME: "logs"})
        assert not (folder / "own").exists()
        if not start:
            subprocess.run(["umount", folder], check=True)
        kubelet.remove_pod(pod)
        assert (folder / "own").read_text() == "own"
    finally:
        subprocess.run(["umount", folder], check=True)

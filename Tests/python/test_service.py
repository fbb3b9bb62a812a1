# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""skiffd as a service: what it tells its manager, and a configuration that is read again."""

import json
import os
import signal
import socket

import grpc
import pytest
from engine import cri, eventually, is_zombie


@pytest.fixture
def manager(engine):
    """The daemon is started anew by somebody who listens: a function that waits for words."""
    address = str(engine.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(60)
        engine.kill_daemon()
        os.environ.update(NOTIFY_SOCKET=address, WATCHDOG_USEC="400000")
        try:
            engine.start_daemon()
        finally:
            for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC"]:
                del os.environ[name]

        def hear(words):
            while True:
                heard = listener.recv(4096).decode()
                if heard.startswith(words):
                    return
                assert heard == "WATCHDOG=1", heard

        yield hear
    os.unlink(address)


def pinned(engine):
    (image,) = engine.images.ListImages(cri.ListImagesRequest(), timeout=60).images
    return image.pinned


def drop_in(engine, text):
    folder = engine.folder / "skiff.toml.d"
    folder.mkdir(exist_ok=True)
    (folder / "later.toml").write_text(text)
    os.kill(engine.daemon_pid(), signal.SIGHUP)


def test_the_manager_is_told(engine, manager):
    manager("READY=1")
    for _ in range(3):
        manager("WATCHDOG=1")
    os.kill(engine.daemon_pid(), signal.SIGHUP)
    manager("RELOADING=1\nMONOTONIC_USEC=")
    manager("READY=1")
    os.kill(engine.daemon_pid(), signal.SIGTERM)
    manager("STOPPING=1")
    eventually("skiffd ends", lambda: is_zombie(engine.daemon_pid()))
    engine.start_daemon()


def test_messages_are_chosen(engine):
    def count(words):
        return (engine.folder / "skiffd.log").read_text().count(words)

    drop_in(engine, 'log_filter = "^the (old|new)"\n')
    eventually("it is told", lambda: "log_filter changed" in engine.daemon_log())
    before = count("read again"), count("the old configuration stays")
    drop_in(engine, 'log_filter = "^the (old|new)"\n[runtime]\npids_limit = 4321\n')
    request = cri.StatusRequest(verbose=True)
    eventually(
        "it counts", lambda: json.loads(engine.runtime.Status(request).info["config"])["pidsLimit"] == 4321)
    drop_in(engine, "[runtime]\ndefault_env = [1]\n")
    eventually("it is told", lambda: count("the old configuration stays") > before[1])
    assert count("read again") == before[0]
    # The message of a change is still subject to what was chosen before.
    drop_in(engine, "[runtime]\npids_limit = 1234\n")
    eventually(
        "it counts", lambda: json.loads(engine.runtime.Status(request).info["config"])["pidsLimit"] == 1234)
    drop_in(engine, "")
    eventually("all is told again", lambda: count("read again") > before[0])


def test_a_new_configuration(engine):
    assert not pinned(engine)
    drop_in(engine, '[image]\npinned = ["*web*"]\n[runtime]\ndefault_env = ["NEW=yes"]\n')
    eventually("it is pinned", lambda: pinned(engine))
    pod = engine.run_pod("new")
    container = engine.shell(*pod, "c", "sleep 1000")
    assert engine.exec(container, "sh", "-c", "echo $NEW").stdout == b"yes\n"
    # One that is wrong changes nothing.
    drop_in(engine, '[image]\npinned = []\n[runtime]\ndefault = "nonesuch"\n')
    eventually("it is told", lambda: "the old configuration stays" in engine.daemon_log())
    assert pinned(engine)
    # One that cannot be changed is told.
    drop_in(engine, f'root = "{engine.folder}/other"\n[image]\npinned = []\n')
    eventually("it is not pinned", lambda: not pinned(engine))
    late = "root, cni.cache_dir: these count only when skiffd is started again"
    eventually("that is told", lambda: late in engine.daemon_log())
    assert engine.exec(container, "true").exit_code == 0
    engine.remove_pod(pod[0])
    drop_in(engine, "")


def test_answered_requests_leave_nothing_to_wait_for(engine):
    """Each could have taken two minutes, as kubelet's can."""

    def burst(count):
        for _ in range(count // 100):
            answers = [engine.runtime.Version.future(cri.VersionRequest(), timeout=120) for _ in range(100)]
            for answer in answers:
                answer.result()

    def resident():
        with open(f"/proc/{engine.daemon_pid()}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    burst(2000)
    before = resident()
    burst(12000)
    assert resident() - before < 6000


def test_a_request_is_given_up_when_its_time_is_over(engine, pod):
    """What it began is over then, and it is counted as late."""
    container = engine.shell(*pod, "c", "sleep 1000")
    request = cri.ExecSyncRequest(container_id=container, cmd=["sleep", "543"])
    with pytest.raises(grpc.RpcError) as error:
        engine.runtime.ExecSync(request, timeout=1)
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    eventually("its process is gone", lambda: b"543" not in engine.exec(container, "ps").stdout)
    # One that answers piece by piece, too.
    with pytest.raises(grpc.RpcError) as error:
        list(engine.runtime.GetContainerEvents(cri.GetEventsRequest(), timeout=1))
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_thousands_of_requests_at_once(engine, pod):
    """Of one client, which is not told of a limit that it could break."""
    container = engine.shell(*pod, "c", "sleep 1000")
    slow = cri.ExecSyncRequest(container_id=container, cmd=["sleep", "2"])
    answers = [engine.runtime.ExecSync.future(slow, timeout=120) for _ in range(120)]
    answers += [engine.runtime.Version.future(cri.VersionRequest(), timeout=120) for _ in range(3000)]
    for answer in answers:
        answer.result()

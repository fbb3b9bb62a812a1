# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""skiffd as a service: what it tells its manager, and a configuration that is read again."""

import os
import signal
import socket

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
    assert "started again" in engine.daemon_log()
    assert engine.exec(container, "true").exit_code == 0
    engine.remove_pod(pod[0])
    drop_in(engine, "")

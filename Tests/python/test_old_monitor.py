# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""The daemon of today with a pod that the build before has left it: its monitor speaks the protocol's version before.

hack/old-monitor builds that monitor; $SKIFF_OLD_MONITOR is its path."""

import os
import pathlib
import socket
import struct

import pytest
from engine import Engine, cri, eventually
from spdy import Command
from streaming import attach_url, exec_url
from test_monitor import reopen
from websocket import STDOUT, WebSocket

OLD = os.environ.get("SKIFF_OLD_MONITOR")
pytestmark = pytest.mark.skipif(not OLD, reason="needs SKIFF_OLD_MONITOR, see hack/old-monitor")


@pytest.fixture(scope="module", params=["skiffrun", "crun"])
def engine(request):
    one = Engine(handler=request.param)
    try:
        one.pull()
        yield one
    finally:
        one.down()


def spoken(engine, pod):
    """The highest version of the protocol that the pod's monitor speaks."""
    folder = os.open(engine.folder / "run/pods" / pod, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            # The path itself is longer than an address holds.
            client.connect(f"/proc/self/fd/{folder}/monitor.sock")
            client.send(struct.pack("<HHIH", 1, 1, 1, 0xFFFF))
            return struct.unpack_from("<HHIH", client.recv(1 << 17))[3]
    finally:
        os.close(folder)


@pytest.fixture
def left(engine):
    """A pod whose monitor is the old one, with a container that echoes its input; the daemon has been upgraded since."""
    drop_in = pathlib.Path(engine.folder) / "skiff.toml.d" / "monitor.toml"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text(f'[runtime]\nmonitor = "{OLD}"\n')
    engine.kill_daemon()
    engine.start_daemon()
    pod, config = engine.run_pod("left")
    container = engine.launch(pod, config, "echo", ["cat"], stdin=True, stdin_once=True)
    drop_in.unlink()
    engine.kill_daemon()
    engine.start_daemon()
    new, _ = engine.run_pod("new")
    assert spoken(engine, pod) < spoken(engine, new)
    engine.remove_pod(new)
    yield pod, config, container
    engine.stop_pod(pod)
    engine.remove_pod(pod)
    engine.assert_clean()


def test_everything_goes_on(engine, left):
    pod, config, container = left
    assert engine.status(container).state == cri.CONTAINER_RUNNING
    answer = engine.exec(container, "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (answer.stdout, answer.stderr, answer.exit_code) == (b"out\n", b"err\n", 3)
    # A stream, a terminal with its size, and their ends with their clients.
    assert Command(exec_url(engine, container, "cat", stdin=True), stdin=True).stdin
    terminal = Command(exec_url(engine, container, "sh", stdin=True, tty=True), stdin=True, tty=True)
    terminal.resize(91, 17)
    terminal.stdin.send(b"until stty size | grep '17 9''1'; do sleep 0.1; done\n")
    seen = b""
    while b"17 91" not in seen:
        seen += terminal.stdout.read(1)
    gone = Command(exec_url(engine, container, "sleep", "567891"))
    eventually("it runs", lambda: b"567891" in engine.exec(container, "ps").stdout)
    gone.connection.close()
    terminal.connection.close()
    eventually("they end", lambda: len(engine.exec(container, "ps").stdout.splitlines()) <= 4)
    # Attached clients and the log.
    client = WebSocket(attach_url(engine, container), "v5.channel.k8s.io")
    client.send(0, b"one\n")
    client.until(lambda: client.channels.get(STDOUT) == b"one\n")
    log = engine.folder / "logs" / config.metadata.name / "echo.log"
    log.rename(f"{log}.1")
    reopen(engine, container)
    client.send(0, b"two\n")
    client.until(lambda: client.channels.get(STDOUT) == b"one\ntwo\n")
    assert engine.log(config.metadata.name, "echo") == [("stdout", "F", "two")]
    client.end(0)
    assert engine.wait_exit(container).exit_code == 0
    # And new containers of the pod.
    other = engine.shell(pod, config, "other", "exit 9")
    assert engine.wait_exit(other).exit_code == 9
    for name in (container, other):
        engine.remove(name)

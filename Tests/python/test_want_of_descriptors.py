# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""A daemon that can open nothing more: whoever connects waits, and it does not spend its time on looking again."""

import os
import pathlib
import resource
import socket
import time
import urllib.parse

import pytest
from engine import cri, eventually
from inspection import UnixConnection, get
from nri_plugin import Plugin
from streaming import exec_url

ACTION = "seccomp-notifier-action.crio.io"
CLOCK = os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def engine(engine):
    """With everything that listens."""
    engine.configure(
        f'[api]\ninspect = "{engine.folder}/inspect"\n[metrics]\nlisten = "{engine.folder}/metrics"\n'
        f'[runtime.handlers.skiffrun]\nallowed_annotations = ["{ACTION}"]\n')
    return engine


class Exhausted:
    """Nothing more can be opened meanwhile: the limit is where the lowest number is that is free."""

    def __init__(self, process):
        self.process = process
        self.limits = resource.prlimit(process, resource.RLIMIT_NOFILE)

    def __enter__(self):
        used = {int(name) for name in os.listdir(f"/proc/{self.process}/fd")}
        free = next(number for number in range(len(used) + 1) if number not in used)
        resource.prlimit(self.process, resource.RLIMIT_NOFILE, (free, self.limits[1]))

    def __exit__(self, *_):
        resource.prlimit(self.process, resource.RLIMIT_NOFILE, self.limits)


def seconds(process):
    """CPU time of the process."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK


def connect_in_vain(process, address, kind=socket.SOCK_STREAM):
    """Connects to what cannot accept, and returns the connection, which is served afterwards."""
    with Exhausted(process):
        connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET, kind)
        connection.settimeout(60)
        connection.connect(address)
        before = seconds(process)
        time.sleep(1)
        # A loop takes all of it.
        assert seconds(process) - before < 0.3
    return connection


@pytest.mark.parametrize("place", ["metrics", "inspect"])
def test_documents(engine, place):
    http = UnixConnection(engine.folder / place)
    http.sock = connect_in_vain(engine.daemon_pid(), str(engine.folder / place))
    assert get(http, "/metrics" if place == "metrics" else "/info")[0] == 200
    http.close()


def test_the_engine_itself(engine):
    connect_in_vain(engine.daemon_pid(), engine.env["SOCKET"]).close()
    assert engine.runtime.Version(cri.VersionRequest(), timeout=60).runtime_name == "skiff"


def test_streams(engine, pod):
    place = urllib.parse.urlsplit(exec_url(engine, engine.shell(*pod, "one", "sleep 1000"), "true"))
    with connect_in_vain(engine.daemon_pid(), (place.hostname, place.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 404 ")


def test_plugins(engine, plugin_socket):
    connect_in_vain(engine.daemon_pid(), plugin_socket).close()
    with Plugin(plugin_socket):
        pass


def test_runtimes_with_filters(engine):
    pod = engine.run_pod("filtered", annotations={ACTION: "log"})
    try:
        security = cri.LinuxContainerSecurityContext(
            seccomp=cri.SecurityProfile(profile_type=cri.SecurityProfile.RuntimeDefault))
        container = engine.shell(
            *pod, "one", "sleep 1000", linux=cri.LinuxContainerConfig(security_context=security))
        path, = (engine.folder / "run/tty").iterdir()
        connect_in_vain(engine.daemon_pid(), str(path)).close()
        assert engine.exec(container, "echo", "here").stdout == b"here\n"
    finally:
        engine.remove_pod(pod[0])


def test_the_monitor(engine, pod):
    # The path is too long for an address.
    folder = os.open(engine.folder / "run/pods" / pod[0], os.O_PATH)
    connect_in_vain(
        engine.monitor_pid(pod[0]), f"/proc/self/fd/{folder}/monitor.sock", socket.SOCK_SEQPACKET).close()
    os.close(folder)
    container = engine.shell(*pod, "one", "sleep 1000")
    eventually("it runs", lambda: engine.exec(container, "echo", "here").stdout == b"here\n")

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Connections to ports of a pod through skiffctl."""

import contextlib
import ctypes
import os
import resource
import socket
import stat
import struct
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from engine import eventually


@contextlib.contextmanager
def port_forward(engine, pod, *ports, options=(), errors=subprocess.DEVNULL):
    """A running skiffctl, and its local ports."""
    forward = subprocess.Popen(
        engine.client("port-forward", *options, pod, *ports), stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        yield forward, [int(forward.stdout.readline().split()[2].rsplit(":", 1)[1]) for _ in ports]
    finally:
        forward.kill()
        forward.communicate()


def echoing(port):
    """A connection to a program that echoes; None while it does not."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    with contextlib.suppress(ConnectionError):
        connection.sendall(b"echo")
        if connection.recv(4) == b"echo":
            return connection
    connection.close()
    return None


def tcp_sockets(pid):
    """The TCP connections of a process: their own addresses, their peers', and whether small packets go at once."""
    found, process = [], os.pidfd_open(pid)
    for number in os.listdir(f"/proc/{pid}/fd"):
        # pidfd_getfd(2); what is closed meanwhile is none.
        copy = ctypes.CDLL(None).syscall(438, process, int(number), 0)
        if copy < 0:
            continue
        if not stat.S_ISSOCK(os.fstat(copy).st_mode):
            os.close(copy)
            continue
        with socket.socket(fileno=copy) as one, contextlib.suppress(OSError):
            if one.family in (socket.AF_INET, socket.AF_INET6) and one.type == socket.SOCK_STREAM:
                nodelay = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                found.append((one.getsockname(), one.getpeername(), bool(nodelay)))
    os.close(process)
    # A socket may have several descriptors.
    return sorted(set(found))


def test_nobody_waits_for_an_acknowledgement(engine, web):
    """On no socket that bytes are carried over does a small packet wait for the one before it."""
    with (
        port_forward(engine, web, ":7") as (process, [port]),
        eventually("it is served", lambda: echoing(port)),
    ):
        client, daemon = tcp_sockets(process.pid), tcp_sockets(engine.daemon_pid())
        peers = {own for own, _, _ in client} | {("127.0.0.1", 7)}
        daemon = [one for one in daemon if one[1] in peers]
        assert (len(client), len(daemon)) == (2, 2)
        assert all(nodelay for _, _, nodelay in client + daemon)


@pytest.mark.parametrize("transport", ["spdy", "websocket"])
def test_skiffctl(engine, web, transport):
    options = ["--transport", transport]
    with port_forward(engine, web, ":80", ":4", options=options, errors=subprocess.PIPE) as (forward, ports):

        def page(_=None):
            with socket.create_connection(("127.0.0.1", ports[0]), timeout=60) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b"".join(iter(lambda: connection.recv(65536), b""))

        eventually("the page comes", lambda: b"200 OK" in page())
        with ThreadPoolExecutor(20) as pool:
            assert all(b"200 OK" in text for text in pool.map(page, range(40)))
        with socket.create_connection(("127.0.0.1", ports[1]), timeout=60) as connection:
            assert connection.recv(1) == b""
        while "refused" not in (line := forward.stderr.readline()):
            assert line
        assert b"200 OK" in page()


# A connection needs three.
@pytest.mark.parametrize("room", [6, 7, 8])
def test_connections_wait_for_descriptors(engine, web, room):
    with port_forward(engine, web, ":80", ":7", errors=subprocess.PIPE) as (forward, [http, echo]):

        def page():
            with socket.create_connection(("127.0.0.1", http), timeout=60) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b"".join(iter(lambda: connection.recv(65536), b""))

        eventually("the page comes", lambda: b"200 OK" in page())
        # Room for a few more than there are.
        open_now = len(os.listdir(f"/proc/{forward.pid}/fd"))
        resource.prlimit(forward.pid, resource.RLIMIT_NOFILE, (open_now + room, open_now + room))
        crowd = [socket.create_connection(("127.0.0.1", echo), timeout=60) for _ in range(20)]
        while "trying again" not in (line := forward.stderr.readline()):
            assert line
        crowd[0].sendall(b"still there")
        assert crowd[0].recv(100) == b"still there"
        for connection in crowd:
            connection.close()
        eventually("the page comes again", lambda: b"200 OK" in page())


@pytest.mark.parametrize("transport", ["spdy", "websocket"])
def test_a_browsers_connections(engine, web, tmp_path, transport):
    """Many at a time over one skiffctl, while others are reset in the middle by their clients."""
    with port_forward(engine, web, ":80", ":7", options=["--transport", transport]) as (forward, [http, echo]):

        def fetch():
            urls = [f"http://127.0.0.1:{http}/?[1-64]", "-o", str(tmp_path / "page-#1")]
            command = ["curl", "-sS", "--fail", "--parallel", "--parallel-immediate", "--parallel-max", "32", *urls]
            return subprocess.run(command, capture_output=True, text=True, timeout=120)

        eventually("the page comes", lambda: fetch().returncode == 0)
        stop = threading.Event()

        def reset():
            while not stop.is_set():
                with socket.create_connection(("127.0.0.1", echo), timeout=60) as connection:
                    connection.sendall(b"x" * 100_000)
                    connection.recv(1000)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        breaker = threading.Thread(target=reset)
        breaker.start()
        try:
            for _ in range(5):
                done = fetch()
                assert done.returncode == 0, done.stderr
                pages = {path.read_bytes() for path in tmp_path.iterdir()}
                assert len(pages) == 1 and len(list(tmp_path.iterdir())) == 64
        finally:
            stop.set()
            breaker.join()
        assert forward.poll() is None


@pytest.mark.parametrize("transport", ["spdy", "websocket"])
def test_connections_that_are_over_have_no_descriptors(engine, web, transport):
    with port_forward(engine, web, ":80", options=["--transport", transport]) as (forward, [port]):

        def page():
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b"".join(iter(lambda: connection.recv(65536), b""))

        def descriptors():
            return [len(os.listdir(f"/proc/{pid}/fd")) for pid in (engine.daemon_pid(), forward.pid)]

        eventually("the page comes", lambda: b"200 OK" in page())
        limits = [count + 10 for count in descriptors()]
        assert all(b"200 OK" in page() for _ in range(30))
        eventually("they are closed", lambda: all(now < limit for now, limit in zip(descriptors(), limits)))

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Connections to ports of a pod, with clients that share nothing with Skiff, and through skiffctl."""

import contextlib
import os
import pathlib
import resource
import socket
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from engine import eventually
from spdy import Forwarding
from streaming import SIZE, digest, feed, forward_url
from websocket import Tunnel, WebSocket


class TestPortForward:
    @pytest.fixture
    def web(self, engine, pod):
        script = (
            "httpd -f -p 127.0.0.1:80 -h /www & httpd -f -p [::1]:81 -h /www & nc -ll -p 7 -e cat & "
            "nc -ll -p 8 -e sh -c 'cat >/dev/null; echo late' & nc -ll -p 9 -e sleep 1000 & wait"
        )
        engine.shell(*pod, "web", script)
        return pod[0]

    @pytest.fixture
    def deaf(self, engine):
        """Another pod, with a program that listens on port 5 and accepts nobody."""
        other, _ = engine.run_pod("deaf")
        code = "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 5)); s.listen(0); print(flush=True); time.sleep(600)"
        namespace = f"{engine.folder}/run/ns/{other}/net"
        program = subprocess.Popen(
            ["nsenter", f"--net={namespace}", sys.executable, "-c", code], stdout=subprocess.PIPE)
        program.stdout.readline()
        yield other
        program.kill()
        program.communicate()
        engine.stop_pod(other)
        engine.remove_pod(other)

    @staticmethod
    def get(forwarding, port):
        """The page of a port, tried until its program listens."""

        def once():
            data, error = forwarding.connect(port)
            data.send(b"GET / HTTP/1.0\r\n\r\n", fin=True)
            page, problem = data.read(), error.read()
            assert bool(page) != bool(problem)
            return page

        return eventually(f"port {port} serves", once)

    @pytest.mark.parametrize("counts", [True, False])
    def test_connections_of_both_families(self, engine, web, counts):
        forwarding = Forwarding(forward_url(engine, web), counts=counts)
        for port in (80, 81):
            assert b"200 OK" in self.get(forwarding, port)
        data, error = forwarding.connect(4)
        problem = error.read()
        assert b"localhost:4" in problem and b"refused" in problem
        assert data.read() == b""
        with ThreadPoolExecutor(20) as pool:
            pages = list(pool.map(lambda _: self.get(forwarding, 80), range(60)))
        # The heads tell the second.
        assert len({page.split(b"\r\n\r\n", 1)[1] for page in pages}) == 1
        forwarding.connection.close()

    @pytest.mark.parametrize("counts", [True, False])
    def test_a_gigabyte_or_less(self, engine, web, counts):
        forwarding = Forwarding(forward_url(engine, web), counts=counts)
        self.get(forwarding, 80)
        data, _ = forwarding.connect(7)
        checksum = feed(data, SIZE)
        assert digest(data) == checksum()
        forwarding.connection.close()

    def test_half_of_a_connection_may_end(self, engine, web):
        forwarding = Forwarding(forward_url(engine, web))
        self.get(forwarding, 80)
        data, _ = forwarding.connect(8)
        data.send(b"ask", fin=True)
        assert data.read() == b"late\n"
        forwarding.connection.close()

    def test_one_stands_still_and_the_others_go_on(self, engine, web):
        forwarding = Forwarding(forward_url(engine, web), counts=True)
        self.get(forwarding, 80)
        stuck, _ = forwarding.connect(9)
        # More than its window and all buffers of the kernel.
        threading.Thread(target=stand_still, args=[stuck, 64 << 20], daemon=True).start()
        gone, _ = forwarding.connect(9)
        gone.cancel()
        for _ in range(5):
            assert b"200 OK" in self.get(forwarding, 80)
        status = pathlib.Path(f"/proc/{engine.daemon_pid()}/status").read_text()
        kilobytes = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
        assert kilobytes < 200_000
        forwarding.connection.close()

    def test_a_program_that_does_not_accept_holds_up_no_other_pod(self, engine, web, deaf):
        forwarding = Forwarding(forward_url(engine, web))
        self.get(forwarding, 80)
        others = Forwarding(forward_url(engine, deaf))
        waiting = [others.connect(5) for _ in range(40)]
        assert b"200 OK" in self.get(forwarding, 80)
        assert sum(not error.ended for _, error in waiting) > 30
        assert b"timed out" in waiting[-1][1].read()
        others.connection.close()
        forwarding.connection.close()

    def test_over_websocket(self, engine, web):
        forwarding = Forwarding(forward_url(engine, web))
        self.get(forwarding, 80)
        forwarding.connection.close()
        client = WebSocket(forward_url(engine, web, 80, 4), "v4.channel.k8s.io")
        client.send(0, b"GET / HTTP/1.0\r\n\r\n")
        client.until(lambda: b"200 OK" in client.channels.get(0, b"") and len(client.channels.get(3, b"")) > 2)
        assert client.channels[0].startswith(b"\x50\x00HTTP/1.")
        assert client.channels[3].startswith(b"\x04\x00") and b"refused" in client.channels[3]
        client.socket.close()

    @pytest.mark.parametrize("counts", [True, False])
    def test_spdy_in_a_websocket(self, engine, web, counts):
        forwarding = Forwarding(forward_url(engine, web), counts=counts, tunnel=Tunnel)
        self.get(forwarding, 80)
        data, _ = forwarding.connect(7)
        checksum = feed(data, SIZE // 8)
        assert digest(data) == checksum()
        data, _ = forwarding.connect(8)
        data.send(b"ask", fin=True)
        assert data.read() == b"late\n"
        _, error = forwarding.connect(4)
        assert b"refused" in error.read()
        tunnel = forwarding.connection.socket
        tunnel.websocket.frame(9, b"here")
        self.get(forwarding, 80)
        assert tunnel.pongs == [b"here"]
        # Goodbye is answered, and is the end.
        tunnel.websocket.frame(8, b"\x03\xe8")
        eventually("the connection ends", lambda: forwarding.connection.closed)
        forwarding.connection.close()

    @pytest.mark.parametrize("transport", ["spdy", "websocket"])
    def test_skiffctl(self, engine, web, transport):
        forward = subprocess.Popen(
            engine.client("port-forward", "--transport", transport, web, ":80", ":4"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        try:
            ports = [int(forward.stdout.readline().split()[2].rsplit(":", 1)[1]) for _ in range(2)]

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
        finally:
            forward.kill()
            forward.communicate()

    def test_connections_wait_for_descriptors(self, engine, web):
        forward = subprocess.Popen(
            engine.client("port-forward", web, ":80", ":7"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            http, echo = [int(forward.stdout.readline().split()[2].rsplit(":", 1)[1]) for _ in range(2)]

            def page():
                with socket.create_connection(("127.0.0.1", http), timeout=60) as connection:
                    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    return b"".join(iter(lambda: connection.recv(65536), b""))

            eventually("the page comes", lambda: b"200 OK" in page())
            # Room for a few more than there are.
            open_now = len(os.listdir(f"/proc/{forward.pid}/fd"))
            resource.prlimit(forward.pid, resource.RLIMIT_NOFILE, (open_now + 8, open_now + 8))
            crowd = [socket.create_connection(("127.0.0.1", echo), timeout=60) for _ in range(20)]
            while "trying again" not in (line := forward.stderr.readline()):
                assert line
            crowd[0].sendall(b"still there")
            assert crowd[0].recv(100) == b"still there"
            for connection in crowd:
                connection.close()
            eventually("the page comes again", lambda: b"200 OK" in page())
        finally:
            forward.kill()
            forward.communicate()

    @pytest.mark.parametrize("transport", ["spdy", "websocket"])
    def test_a_browsers_connections(self, engine, web, tmp_path, transport):
        """Many at a time over one skiffctl, while others are reset in the middle by their clients."""
        forward = subprocess.Popen(
            engine.client("port-forward", "--transport", transport, web, ":80", ":7"),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        try:
            http, echo = [int(forward.stdout.readline().split()[2].rsplit(":", 1)[1]) for _ in range(2)]

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
        finally:
            forward.kill()
            forward.communicate()


def stand_still(stream, size):
    """Sends to a peer that does not read, until the test ends the connection."""
    with contextlib.suppress(OSError):
        stream.send(bytes(size))

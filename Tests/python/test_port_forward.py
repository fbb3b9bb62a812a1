# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Connections to ports of a pod, with clients that share nothing with Skiff."""

import contextlib
import pathlib
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

    @pytest.mark.parametrize("counts", [True, False])
    def test_what_is_sent_to_a_port_that_refuses_holds_up_nobody(self, engine, web, counts):
        forwarding = Forwarding(forward_url(engine, web), counts=counts)
        self.get(forwarding, 80)
        refused, error = forwarding.connect(4)
        # Far more than the windows of the stream and of the connection.
        checksum = feed(refused, 32 << 20)
        assert b"refused" in error.read() and refused.read() == b""
        checksum()
        assert b"200 OK" in self.get(forwarding, 80)
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
        # No channel has an end of its own: with the last of them the connection ends.
        client.rest()
        assert client.close_code == 1000

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
        assert tunnel.goodbye == b"\x03\xe8"
        forwarding.connection.close()

    def test_over_websocket_it_lasts_while_one_has_something_to_say(self, engine, web):
        forwarding = Forwarding(forward_url(engine, web))
        self.get(forwarding, 80)
        forwarding.connection.close()
        client = WebSocket(forward_url(engine, web, 4, 7), "v4.channel.k8s.io")
        client.until(lambda: b"refused" in client.channels.get(1, b""))
        for word in (b"first", b"second"):
            client.send(2, word)
            client.until(lambda: client.channels[2].endswith(word))
        assert client.channels[2] == b"\x07\x00firstsecond"
        client.socket.close()

    def test_streams_that_are_taken_back_are_bounded(self, engine, web):
        """Each waits a while for the other of its pair; so do those whose client has taken them back."""
        forwarding = Forwarding(forward_url(engine, web))
        self.get(forwarding, 80)

        def begin(request):
            return forwarding.connection.open(streamtype="error", port=80, requestid=request)

        for number in range(1024):
            stream = begin(f"taken back {number}")
            assert stream.reset is None
            stream.cancel()
        # Not only when its time is over.
        more = begin("one more")
        forwarding.connection.ping(1)
        assert more.reset is not None
        forwarding.connection.close()
        forwarding = Forwarding(forward_url(engine, web))
        long = begin("9" * 65)
        forwarding.connection.ping(3)
        assert long.reset is not None
        assert b"200 OK" in self.get(forwarding, 80)
        forwarding.connection.close()


def stand_still(stream, size):
    """Sends to a peer that does not read, until the test ends the connection."""
    with contextlib.suppress(OSError):
        stream.send(bytes(size))

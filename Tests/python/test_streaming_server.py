# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""The server of exec, attach and port-forward itself: its URLs, what it refuses, what it bears, and its certificates."""

import os
import pathlib
import socket
import ssl
import struct
import subprocess
import urllib.parse

import grpc
import pytest
from engine import cri
from spdy import Command, Connection
from streaming import exec_url, forward_url
from websocket import WebSocket


@pytest.fixture
def sleeper(engine, pod):
    return engine.launch(*pod, "sleeper", ["sleep", "1000000"])


class TestRequests:
    def test_bad_ones(self, engine, pod, sleeper, refused):
        code = grpc.StatusCode
        with refused(code.INVALID_ARGUMENT, sleeper, "no command"):
            exec_url(engine, sleeper)
        with refused(code.INVALID_ARGUMENT, "stdin, stdout and stderr"):
            engine.runtime.Exec(cri.ExecRequest(container_id=sleeper, cmd=["id"]))
        with refused(code.INVALID_ARGUMENT, "terminal"):
            engine.runtime.Attach(cri.AttachRequest(container_id=sleeper, tty=True, stdout=True, stderr=True))
        with refused(code.NOT_FOUND, "f00"):
            exec_url(engine, "f00", "id")
        with refused(code.INVALID_ARGUMENT, "70000"):
            forward_url(engine, pod[0], 70000)
        with refused(code.NOT_FOUND, "f00"):
            forward_url(engine, "f00", 80)
        engine.stop(sleeper, 0)
        with refused(code.FAILED_PRECONDITION, sleeper, "exited"):
            exec_url(engine, sleeper, "id")

    def test_who_says_nothing_keeps_nobody_out(self, engine, sleeper):
        """Anybody may reach the port; descriptors are for those who have a URL."""
        url = exec_url(engine, sleeper, "echo", "here")
        place = urllib.parse.urlsplit(url)
        folder = f"/proc/{engine.daemon_pid()}/fd"
        before = len(os.listdir(folder))
        silent = [socket.create_connection((place.hostname, place.port)) for _ in range(700)]
        try:
            assert Command(url).finish() == (b"here\n", b"", 0)
            assert len(os.listdir(folder)) < before + 350
        finally:
            for connection in silent:
                connection.close()

    def test_a_url_serves_once(self, engine, sleeper):
        url = exec_url(engine, sleeper, "true")

        def curl(url, *options):
            done = subprocess.run(["curl", "-si", *options, url], capture_output=True, text=True, timeout=60)
            return done.stdout.splitlines()

        upgrade = ["-H", "Connection: Upgrade", "-H", "Upgrade: SPDY/3.1"]
        assert curl(url)[0] == "HTTP/1.1 400 Bad Request"
        assert curl(url, *upgrade, "-H", "X-Stream-Protocol-Version: v9.channel.k8s.io")[0] == "HTTP/1.1 403 Forbidden"
        assert curl(url, *upgrade, "-X", "PUT")[0] == "HTTP/1.1 405 Method Not Allowed"
        assert curl(url, *upgrade, "-d", "body")[0] == "HTTP/1.1 400 Bad Request"
        # None of these has used it up.
        assert Command(url).finish()[2] == 0
        assert curl(url, *upgrade)[0] == "HTTP/1.1 404 Not Found"
        assert curl(url.rsplit("/", 1)[0] + "/0123", *upgrade)[0] == "HTTP/1.1 404 Not Found"
        forward = url.replace("/exec/", "/portforward/")
        assert curl(forward, *upgrade)[0] == "HTTP/1.1 404 Not Found"

    def test_garbage_ends_only_its_connection(self, engine, sleeper):
        address = exec_url(engine, sleeper, "true").split("/")[2].rsplit(":", 1)
        for head in (b"GET ? HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n", b"\x16\x03\x01\r\n\r\n", bytes(20_000)):
            with socket.create_connection(address, timeout=60) as connection:
                connection.sendall(head)
                assert connection.recv(12).split()[1].startswith(b"4")
        other = Command(exec_url(engine, sleeper, "cat", stdin=True), stdin=True)
        for garbage in (b"\x80\x02\0\x01\0\0\0\x04\0\0\0\x01", b"\x80\x03\0\x01\0\xff\xff\xff", os.urandom(100_000)):
            connection = Connection(exec_url(engine, sleeper, "true"), ["v4.channel.k8s.io"])
            try:
                connection.write(garbage)
                with connection.changed:
                    connection.changed.wait_for(lambda: connection.goaway is not None or connection.closed, 60)
            except OSError:
                pass
            connection.close()
        client = WebSocket(exec_url(engine, sleeper, "cat", stdin=True), "v4.channel.k8s.io")
        client.socket.sendall(b"\xff\xff")
        client.rest()
        assert client.close_code == 1002
        other.stdin.send(b"still here", fin=True)
        assert other.finish() == (b"still here", b"", 0)


def resident(engine):
    """The daemon's memory in bytes."""
    status = pathlib.Path(f"/proc/{engine.daemon_pid()}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) << 10


class TestMemory:
    """What a client may send keeps as much memory as it is long, and not what it came with."""

    def test_bytes_that_nobody_takes(self, engine, sleeper):
        """One at a time for a command that reads nothing, each with many that are dropped."""
        command = Command(exec_url(engine, sleeper, "sleep", "1000", stdin=True), stdin=True)
        # As much as its pipe holds, and the error stream has ended before.
        command.stdin.send(bytes(65536))
        frame = struct.pack(">II", command.stdin.number, 1) + b"x"
        frame += struct.pack(">II", command.error.number, 60_000) + bytes(60_000)
        before = resident(engine)
        for _ in range(3000):
            command.connection.write(frame)
        command.connection.ping(1)
        assert resident(engine) - before < 32 << 20
        command.connection.close()

    def test_headers(self, engine, pod):
        """Those of streams that wait, which are short as they are sent."""
        connection = Connection(forward_url(engine, pod[0]), ["portforward.k8s.io"])
        before = resident(engine)
        for number in range(1000):
            connection.open(streamtype="error", port=80, requestid=number, filler="x" * 60_000)
        assert resident(engine) - before < 32 << 20
        connection.close()


def make_certificate(folder, name):
    """A new pair in place of the one that is served."""
    folder.mkdir(exist_ok=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
         f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-days", "2", "-keyout", folder / "new.key", "-out",
         folder / "new.crt"],
        check=True, capture_output=True,
    )
    for kind in ("key", "crt"):
        (folder / f"new.{kind}").rename(folder / f"server.{kind}")


def configure_certificate(engine, folder, more):
    """Starts the daemon anew with the pair, and returns the file that says so."""
    drop_in = pathlib.Path(engine.folder) / "skiff.toml.d" / "tls.toml"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text(
        f'[api]\nstream_tls_cert = "{folder}/server.crt"\nstream_tls_key = "{folder}/server.key"\n{more}\n')
    engine.kill_daemon()
    engine.start_daemon()
    return drop_in


class TestCertificates:
    def test_ciphers_are_chosen(self, engine, sleeper):
        folder = pathlib.Path(engine.folder) / "tls"
        make_certificate(folder, "one")
        drop_in = configure_certificate(
            engine, folder, 'tls_cipher_suites = ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]')

        def cipher(*wanted):
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(":".join(wanted))
            address = exec_url(engine, sleeper, "true").split("/")[2].rsplit(":", 1)
            with socket.create_connection((address[0], int(address[1])), timeout=60) as plain:
                with context.wrap_socket(plain) as safe:
                    return safe.cipher()[0]

        weak, strong = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"
        assert cipher(weak, strong) == strong
        with pytest.raises(ssl.SSLError):
            cipher(weak)
        drop_in.write_text(drop_in.read_text().replace("AES_256_GCM_SHA384", "AES_128_GCM_SHA256"))
        engine.kill_daemon()
        engine.start_daemon()
        assert cipher(strong, weak) == weak
        drop_in.unlink()
        engine.kill_daemon()
        engine.start_daemon()

    def test_certificates_are_exchanged(self, engine, sleeper):
        folder = pathlib.Path(engine.folder) / "tls"

        def make(name):
            make_certificate(folder, name)

        def served():
            address = exec_url(engine, sleeper, "true").split("/")[2].rsplit(":", 1)
            return ssl.get_server_certificate((address[0], int(address[1])))

        make("one")
        drop_in = configure_certificate(engine, folder, 'tls_min_version = "1.3"')
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        first = served()
        assert Command(exec_url(engine, sleeper, "echo", "safe"), context=context).finish()[0] == b"safe\n"
        older = ssl.create_default_context()
        older.check_hostname, older.verify_mode = False, ssl.CERT_NONE
        older.maximum_version = ssl.TLSVersion.TLSv1_2
        address = exec_url(engine, sleeper, "true").split("/")[2].rsplit(":", 1)
        with socket.create_connection((address[0], int(address[1])), timeout=60) as plain:
            with pytest.raises(ssl.SSLError):
                older.wrap_socket(plain)
        # It is its own authority.
        trusted = ["exec", "--tls-ca", str(folder / "server.crt")]
        assert engine.skiffctl(*trusted, "--tls-server-name", "one", sleeper, "echo", "hi") == "hi\n"
        assert "--tls-ca" in engine.skiffctl("exec", sleeper, "true", status=1)
        assert "certificate" in engine.skiffctl(*trusted, sleeper, "true", status=1)
        assert "certificate" in engine.skiffctl(*trusted, "--tls-server-name", "two", sleeper, "true", status=1)
        assert engine.skiffctl("exec", "--tls-insecure", sleeper, "echo", "hi") == "hi\n"
        make("two")
        assert served() != first
        # Half of a pair changes nothing.
        (folder / "server.key").write_text("nothing")
        assert served() != first
        make("three")
        drop_in.write_text(drop_in.read_text() + 'stream_idle_timeout = "2s"\n')
        engine.kill_daemon()
        engine.start_daemon()
        idle = Command(exec_url(engine, sleeper, "sleep", "1000"), context=context)
        with idle.connection.changed:
            assert idle.connection.changed.wait_for(lambda: idle.connection.closed, 60)
        idle.connection.close()
        drop_in.unlink()
        engine.kill_daemon()
        engine.start_daemon()

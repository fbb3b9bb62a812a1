# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Exec and attach, with clients of SPDY and WebSocket that share nothing with Skiff."""

import hashlib
import os
import pathlib
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from engine import PROGRAMS, cri, eventually
from spdy import Command, Connection, exit_code
from streaming import SIZE, attach_url, digest, exec_url, feed, forward_url
from websocket import ERROR, STDERR, STDIN, STDOUT, WebSocket

SESSIONS, ROUNDS = 100, int(os.environ.get("SKIFF_STREAM_ROUNDS", "2"))


@pytest.fixture
def sleeper(engine, pod):
    return engine.launch(*pod, "sleeper", ["sleep", "1000000"])


class TestExec:
    pytestmark = pytest.mark.parametrize("engine", ["skiffrun", "crun", "runc"], indirect=True, scope="module")

    @pytest.mark.parametrize("protocol", ["v4.channel.k8s.io", "v3.channel.k8s.io", "channel.k8s.io", None])
    def test_spdy(self, engine, sleeper, protocol):
        url = exec_url(engine, sleeper, "sh", "-c", "cat; echo problem >&2; exit 3", stdin=True)
        command = Command(url, stdin=True, protocols=[protocol] if protocol else [])
        assert command.connection.protocol == protocol
        command.stdin.send(b"through\n", fin=True)
        assert (command.stdout.read(), command.stderr.read()) == (b"through\n", b"problem\n")
        text = command.error.read()
        assert exit_code(text) == 3 if protocol == "v4.channel.k8s.io" else b"exit status 3" in text
        command.connection.close()

    @pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.base64.channel.k8s.io", "base64.channel.k8s.io", None])
    def test_websocket(self, engine, sleeper, protocol):
        url = exec_url(engine, sleeper, "sh", "-c", "head -c 12; echo problem >&2; exit 3", stdin=True)
        client = WebSocket(url, protocol)
        client.frame(9, b"are you there")
        client.send(STDIN, b"in fragments", fragments=4)
        said = client.rest()
        assert (said[STDOUT], said[STDERR]) == (b"in fragments", b"problem\n")
        if protocol and protocol.startswith(("v4", "v5")):
            assert exit_code(said[ERROR]) == 3
        else:
            assert b"exit status 3" in said[ERROR]
        assert client.close_code == 1000

    def test_terminal(self, engine, sleeper):
        url = exec_url(engine, sleeper, "sh", stdin=True, tty=True)
        command = Command(url, stdin=True, tty=True)
        seen = bytearray()

        def until(text):
            while text not in seen:
                seen.extend(command.stdout.read(1))

        command.stdin.send(b"tty; echo re''ady\n")
        until(b"ready")
        assert b"/dev/pts/" in seen
        for columns, rows in ((101, 41), (77, 22)):
            command.resize(columns, rows)
            want = b"%d %d" % (rows, columns)
            # The size and the keys come over two streams.
            while want not in seen:
                command.stdin.send(b"stty size; echo o''k\n")
                seen.clear()
                until(b"ok")
        command.stdin.send(b"exit 7\n")
        command.stdout.read()
        assert exit_code(command.error.read()) == 7
        command.connection.close()

    def test_a_child_that_keeps_the_output_is_not_waited_for(self, engine, sleeper):
        url = exec_url(engine, sleeper, "sh", "-c", "sleep 100000 & echo done")
        assert Command(url).finish() == (b"done\n", b"", 0)

    def test_what_cannot_be_run(self, engine, sleeper):
        client = WebSocket(exec_url(engine, sleeper, "/no/such/program"), "v4.channel.k8s.io")
        assert b"/no/such/program" in client.rest()[ERROR]

    def test_it_goes_with_its_client(self, engine, sleeper):
        command = Command(exec_url(engine, sleeper, "sh", "-c", "echo up; exec sleep 987654"))
        assert command.stdout.read(3) == b"up\n"
        command.connection.close()
        eventually("it ends", lambda: b"987654" not in engine.exec(sleeper, "ps").stdout)


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

    def test_a_hundred_sessions_at_a_time(self, engine, sleeper):
        def session(number):
            for round in range(ROUNDS):
                text = f"{number} {round}"
                url = exec_url(engine, sleeper, "sh", "-c", f"cat; echo {text} >&2; exit {number % 7}", stdin=True)
                command = Command(url, stdin=True, counts=number % 2 == 0)
                command.stdin.send(text.encode(), fin=True)
                assert command.finish() == (text.encode(), text.encode() + b"\n", number % 7)

        before = len(os.listdir(f"/proc/{engine.daemon_pid()}/fd"))
        with ThreadPoolExecutor(SESSIONS) as pool:
            list(pool.map(session, range(SESSIONS)))
        eventually("all is closed", lambda: len(os.listdir(f"/proc/{engine.daemon_pid()}/fd")) <= before + 3)
        assert b" Z " not in engine.exec(sleeper, "ps", "-o", "pid,stat,args").stdout


class TestAttach:
    def test_output_and_input(self, engine, pod):
        script = "while read line; do echo got $line; echo said >&2; [ $line = end ] && exit; done"
        container = engine.shell(*pod, "talker", script, stdin=True)
        first = Command(attach_url(engine, container), stdin=True)
        second = WebSocket(attach_url(engine, container, stdin=False), "v5.channel.k8s.io")
        second.step()
        first.stdin.send(b"one\n")
        assert first.stdout.read(8) == b"got one\n"
        second.until(lambda: second.channels.get(STDOUT, b"").endswith(b"got one\n"))
        first.stdin.send(b"end\n")
        assert first.finish() == (b"got end\n", b"said\nsaid\n", 0)
        assert second.rest()[STDOUT] == b"got one\ngot end\n"

    @pytest.mark.parametrize("counts", [True, False])
    def test_bytes_in_both_directions(self, engine, pod, counts):
        container = engine.launch(*pod, "echo", ["cat"], stdin=True, stdin_once=True)
        command = Command(attach_url(engine, container), stdin=True, counts=counts)
        checksum = feed(command.stdin, SIZE)
        assert digest(command.stdout) == checksum()
        command.connection.close()

    def test_a_terminal(self, engine, pod):
        container = engine.launch(*pod, "terminal", ["sh"], stdin=True, tty=True)
        command = Command(attach_url(engine, container, tty=True), stdin=True, tty=True)
        command.resize(90, 30)
        command.stdin.send(b"stty size; exit 4\n")
        assert b"30 90" in command.stdout.read()
        assert engine.wait_exit(container).exit_code == 4
        command.connection.close()


class TestSkiffctl:
    def test_exec(self, engine, sleeper):
        assert engine.skiffctl("exec", sleeper[:9], "echo", "hi") == "hi\n"
        assert engine.skiffctl("exec", sleeper, "sh", "-c", "echo no >&2; exit 5", status=5) == "no\n"
        assert "no/such" in engine.skiffctl("exec", sleeper, "/no/such", status=1)
        done = subprocess.run(
            [PROGRAMS / "skiffctl", "-r", "unix://" + engine.env["SOCKET"], "exec", "-i", sleeper,
             "busybox", "sha256sum"],
            input=bytes(8 << 20), capture_output=True, timeout=120,
        )
        assert done.stdout.split()[0].decode() == hashlib.sha256(bytes(8 << 20)).hexdigest(), done.stderr


class TestRestart:
    def test_the_daemon_dies_under_running_execs(self, engine, sleeper):
        commands = [Command(exec_url(engine, sleeper, "sh", "-c", "echo up; exec sleep 876543")) for _ in range(5)]
        assert all(c.stdout.read(3) == b"up\n" for c in commands)
        engine.kill_daemon()
        for command in commands:
            command.stdout.read()
            command.connection.close()
        engine.start_daemon()
        eventually("they ended with their clients", lambda: b"876543" not in engine.exec(sleeper, "ps").stdout)
        assert Command(exec_url(engine, sleeper, "echo", "again")).finish() == (b"again\n", b"", 0)

    def test_certificates_are_exchanged(self, engine, sleeper):
        folder = pathlib.Path(engine.folder) / "tls"
        folder.mkdir(exist_ok=True)

        def make(name):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-days", "2", "-keyout", folder / "new.key", "-out", folder / "new.crt"],
                check=True, capture_output=True,
            )
            for kind in ("key", "crt"):
                (folder / f"new.{kind}").rename(folder / f"server.{kind}")

        def served():
            address = exec_url(engine, sleeper, "true").split("/")[2].rsplit(":", 1)
            return ssl.get_server_certificate((address[0], int(address[1])))

        make("one")
        drop_in = pathlib.Path(engine.folder) / "skiff.toml.d" / "tls.toml"
        drop_in.parent.mkdir(exist_ok=True)
        drop_in.write_text(
            f'[api]\nstream_tls_cert = "{folder}/server.crt"\nstream_tls_key = "{folder}/server.key"\n'
            'stream_idle_timeout = "2s"\n'
        )
        engine.kill_daemon()
        engine.start_daemon()
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        first = served()
        assert Command(exec_url(engine, sleeper, "echo", "safe"), context=context).finish()[0] == b"safe\n"
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
        idle = Command(exec_url(engine, sleeper, "sleep", "1000"), context=context)
        with idle.connection.changed:
            assert idle.connection.changed.wait_for(lambda: idle.connection.closed, 60)
        idle.connection.close()
        drop_in.unlink()
        engine.kill_daemon()
        engine.start_daemon()

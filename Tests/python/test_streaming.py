# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Exec and attach, with clients of SPDY and WebSocket that share nothing with Skiff."""

import hashlib
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from engine import eventually
from spdy import Command, exit_code
from streaming import SIZE, attach_url, digest, exec_url, feed
from websocket import ERROR, STDERR, STDIN, STDOUT, WebSocket

SESSIONS, ROUNDS = 100, int(os.environ.get("SKIFF_STREAM_ROUNDS", "2"))
EVERY_RUNTIME = pytest.mark.parametrize("engine", ["skiffrun", "crun", "runc"], indirect=True, scope="module")


@pytest.fixture
def sleeper(engine, pod):
    return engine.launch(*pod, "sleeper", ["sleep", "1000000"])


class TestExec:
    pytestmark = EVERY_RUNTIME

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

    def test_a_client_that_leaves_at_once_leaves_nothing(self, engine, sleeper):
        """Its command may only be on its way into the container then."""
        for _ in range(20):
            Command(exec_url(engine, sleeper, "sleep", "765432")).connection.close()
        quiet = 0
        while quiet < 5:
            time.sleep(0.2)
            eventually("they end", lambda: b"765432" not in engine.exec(sleeper, "ps").stdout, seconds=20)
            quiet += 1

    def test_leaving_is_a_hangup(self, engine, sleeper):
        """A command may tidy up, and one that ignores it goes on."""
        # The shell would write about those of its children that were hung up.
        tidy = "exec 2>/dev/null; trap 'sleep 1 && : >/tidied; exit' HUP; echo up; while :; do sleep 0.1; done"
        deaf = "trap '' HUP; echo up; sleep 3; : >/deaf"
        for script in (tidy, deaf):
            command = Command(exec_url(engine, sleeper, "sh", "-c", script))
            assert command.stdout.read(3) == b"up\n"
            command.connection.close()
        for name in ("/tidied", "/deaf"):
            eventually("it is done", lambda: engine.exec(sleeper, "sh", "-c", f"test -e {name}").exit_code == 0)

    def test_a_slow_reader_gets_the_end_too(self, engine, sleeper):
        """The command has ended long before its client has taken the last of what it wrote."""
        script = "echo $$ >/writer; exec cat /dev/zero"
        client = WebSocket(exec_url(engine, sleeper, "sh", "-c", script), "v5.channel.k8s.io")
        eventually("it writes", lambda: engine.exec(sleeper, "cat", "/writer").stdout)
        # Until all there is between the two is full.
        time.sleep(2)
        assert engine.exec(sleeper, "sh", "-c", "kill -9 $(cat /writer)").exit_code == 0
        # Longer than anybody is waited for who has nothing more to read.
        time.sleep(8)
        said = client.rest()
        assert set(said[STDOUT]) == {0} and exit_code(said[ERROR]) == 137

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
    pytestmark = EVERY_RUNTIME

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

    @pytest.mark.parametrize("counts", [True, False])
    def test_the_last_words_come_though_the_input_was_not_read(self, engine, pod, counts):
        container = engine.shell(*pod, "deaf", "until [ -e /go ]; do sleep 0.1; done; echo last words", stdin=True)
        command = Command(attach_url(engine, container), stdin=True, counts=counts)
        # More than the pipe holds: the rest waits in the monitor and before it.
        command.stdin.send(bytes(200_000))
        time.sleep(1)
        assert engine.exec(container, "sh", "-c", ": >/go").exit_code == 0
        assert command.finish() == (b"last words\n", b"", 0)

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
            engine.client("exec", "-i", sleeper, "busybox", "sha256sum"),
            input=bytes(8 << 20), capture_output=True, timeout=120,
        )
        assert done.stdout.split()[0].decode() == hashlib.sha256(bytes(8 << 20)).hexdigest(), done.stderr


class TestRestart:
    pytestmark = EVERY_RUNTIME

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

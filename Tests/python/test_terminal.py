# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""skiffctl as somebody at a terminal uses it."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from engine import DEADLINE, eventually


class Terminal:
    """skiffctl with a pseudo-terminal of its own, and what is seen there."""

    def __init__(self, engine, *arguments, rows=24, columns=80):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.process = subprocess.Popen(
            engine.client(*arguments),
            stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def until(self, text):
        """Reads until the text is shown; returns what was shown since the last time, and forgets it."""
        end = time.monotonic() + DEADLINE
        while text.encode() not in self.seen:
            assert time.monotonic() < end, f"{text!r} is not in {self.seen!r}"
            if select.select([self.master], [], [], 1)[0]:
                self.seen += os.read(self.master, 65536)
        shown, _, self.seen = self.seen.partition(text.encode())
        return shown.decode(errors="replace")

    def run(self, command):
        """Types a command at the prompt; returns what it prints."""
        self.type(f"{command}; echo en''d\n")
        shown = self.until("end\r\n")
        self.until("# ")
        return shown.split("\n", 1)[1] if "\n" in shown else shown

    def end(self):
        """Waits for the end; returns the exit status."""
        status = self.process.wait(DEADLINE)
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is as it was"
        return status


class TestShell:
    pytestmark = pytest.mark.parametrize("engine", ["skiffrun", "crun", "runc"], indirect=True, scope="module")

    @pytest.fixture
    def sleeper(self, engine, pod):
        return engine.launch(*pod, "sleeper", ["sleep", "1000000"])

    @pytest.fixture
    def shell(self, engine, sleeper):
        with Terminal(engine, "exec", "-it", sleeper, "sh") as terminal:
            terminal.until("# ")
            yield terminal

    def test_it_feels_like_a_shell(self, engine, sleeper, shell):
        assert shell.run("echo one") == "one\r\n"
        assert shell.run("stty size") == "24 80\r\n"
        shell.resize(31, 97)
        eventually("the new size is there", lambda: shell.run("stty size") == "31 97\r\n")
        shell.type("sleep 456781\n")
        shell.until("sleep 456781\r\n")
        # The shell puts it in the foreground before it executes it; the key reaches nobody else.
        eventually("it runs", lambda: b" sleep 456781" in engine.exec(sleeper, "ps", "-o", "pid,args").stdout)
        shell.type("\x03")
        shell.until("# ")
        assert shell.run("echo $?") == "130\r\n"
        shell.type("\x04")
        assert shell.end() == 0

    def test_the_exit_code_is_the_shells(self, shell):
        shell.type("exit 7\n")
        assert shell.end() == 7

    def test_a_full_screen_program(self, engine, sleeper, shell):
        shell.type("busybox vi /text\n")
        shell.until("/text")
        shell.type("ihello from vi\x1b")
        shell.until("hello from vi")
        shell.type(":wq\n")
        shell.until("# ")
        assert engine.exec(sleeper, "cat", "/text").stdout == b"hello from vi\n"
        shell.type("exit\n")
        assert shell.end() == 0

    def test_a_terminal_that_was_closed_may_be_opened_again(self, engine, sleeper):
        """More is written afterwards than the kernel keeps for a terminal that nobody reads."""
        script = "echo before; exec </dev/null >/dev/null 2>&1; sleep 1; seq 20000 >/dev/tty; exit 4"
        with Terminal(engine, "exec", "-it", sleeper, "sh", "-c", script) as terminal:
            terminal.until("before\r\n")
            terminal.until("\n20000\r\n")
            assert terminal.end() == 4

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
    def test_a_killed_client_leaves_a_usable_terminal_and_no_shell(self, engine, sleeper, shell, number):
        shell.type("sleep 234567\n")
        eventually("it runs", lambda: b"234567" in engine.exec(sleeper, "ps").stdout)
        shell.process.send_signal(number)
        assert shell.end() == -number
        eventually("it was hung up", lambda: b"234567" not in engine.exec(sleeper, "ps").stdout)

    def test_a_job_that_ignores_the_hangup_goes_on(self, engine, sleeper, shell):
        shell.run("{ (trap '' HUP; sleep 3; echo done >/job) >/dev/null 2>&1 & }")
        shell.process.kill()
        shell.process.wait()
        eventually("the job is done", lambda: engine.exec(sleeper, "cat", "/job").stdout == b"done\n")

    def test_the_daemon_ends(self, engine, shell):
        engine.kill_daemon()
        assert shell.end() == 1
        engine.start_daemon()

    def test_without_a_terminal_of_its_own(self, engine, sleeper):
        done = subprocess.run(
            engine.client("exec", "-it", sleeper, "sh"),
            input=b"tty; exit 3\n", capture_output=True, timeout=DEADLINE,
        )
        assert done.returncode == 3 and b"/dev/pts/0" in done.stdout


class TestAttach:
    def test_keys_leave_and_the_container_goes_on(self, engine, pod):
        container = engine.launch(*pod, "shell", ["sh"], stdin=True, tty=True)
        with Terminal(engine, "attach", "-it", container) as terminal:
            # Whether its first prompt is still to come, nobody knows.
            terminal.type("echo re''ady\n")
            terminal.until("ready\r\n")
            terminal.until("# ")
            assert terminal.run("echo here") == "here\r\n"
            terminal.type("\x10\x11")
            assert terminal.end() == 0
        with Terminal(engine, "attach", "-it", container) as terminal:
            terminal.type("echo aga''in; exit 5\n")
            terminal.until("again")
            terminal.process.wait(DEADLINE)
        assert engine.wait_exit(container).exit_code == 5

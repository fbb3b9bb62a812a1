# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""containerd over the runtime: a private daemon and `ctr run --runc-binary`."""

import os
import pty
import re

import pytest
from image import archive
from machine import MISSING, NO_DIRECTORY, eventually, says

IMAGE = "local/box:1"
WAITING = 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'

CONFIGURATION = """
version = 2
root = "{home}/root"
state = "{home}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = "{home}/socket"
[ttrpc]
address = "{home}/socket.ttrpc"
"""


class Containerd:
    def __init__(self, machine, runtime):
        self.machine, self.runtime = machine, runtime
        self.home = machine.folder / "containerd"
        self.home.mkdir()
        (self.home / "config.toml").write_text(CONFIGURATION.format(home=self.home))
        log = open(self.home / "log", "wb")
        self.daemon = machine.spawn("containerd", "-c", self.home / "config.toml", stdout=log, stderr=log)
        eventually("containerd answers", lambda: self.answers())

    def answers(self):
        assert self.daemon.poll() is None, (self.home / "log").read_text()
        return (self.home / "socket").exists() and "REF" in self("image", "ls").out

    def __call__(self, *arguments, **expected):
        return self.machine.run(*self.command(*arguments), **expected)

    def command(self, *arguments):
        return ["ctr", "-a", self.home / "socket", "-n", "interop", *arguments]

    def execute(self, name, script, *options, **expected):
        """A container that runs a script to its end and is removed."""
        return self("run", "--rm", "--runc-binary", self.runtime, *options, IMAGE, name, "sh", "-c", script, **expected)

    def status(self, name):
        rows = (line.split() for line in self("task", "ls").out.splitlines())
        return next((row[2] for row in rows if row[0] == name), None)

    def becomes(self, name, status):
        eventually(f"{name} is {status}", lambda: self.status(name) == status)

    def stop(self):
        self.daemon.terminate()
        # The door executes nsenter(1), which waits for the daemon and does not pass the signal on.
        self.machine.run("pkill", "-x", "containerd", status=0)
        self.daemon.wait()
        for group in self.machine.cgroups():
            # The parent of a namespace's containers; runtimes leave parents alone.
            assert group.name == "interop", group
            group.rmdir()


@pytest.fixture(scope="module")
def daemon(machine, layout, runtime):
    one = Containerd(machine, runtime)
    one("image", "import", "--index-name", IMAGE, archive(layout, machine.folder / "image.tar"))
    yield one
    one.stop()


@pytest.fixture
def ctr(daemon):
    """A daemon without a container: after the test nothing of what it made may be there."""
    yield daemon
    left = [p for p in daemon.machine.cgroups() if p.name != "interop"]
    assert not left, left
    assert daemon("container", "ls", "-q").out == ""


@pytest.fixture
def waiting(ctr):
    """A container in the background, named "w", which ends with status 9 by SIGTERM."""
    ctr("run", "-d", "--runc-binary", ctr.runtime, "--memory-limit", str(64 << 20), IMAGE, "w", "sh", "-c", WAITING)
    yield ctr
    if ctr.status("w") not in ("STOPPED", None):
        ctr("task", "kill", "-s", "KILL", "w")
        ctr.becomes("w", "STOPPED")
    if ctr.status("w"):
        ctr("task", "delete", "w")
    ctr("container", "rm", "w")


def test_run_gives_output_and_status(ctr):
    done = ctr.execute("a", "echo out; echo err >&2; exit 4", "--env", "A=b", "--cwd", "/etc", status=4)
    assert (done.out, done.err) == ("out\n", "err\n")
    out = ctr.execute("b", "id -u; pwd; echo $A; hostname", "--env", "A=b", "--cwd", "/etc").out
    assert out.split()[:3] == ["0", "/etc", "b"]


def test_program_that_cannot_start(ctr):
    """The shim takes the reason from the last error in the runtime's JSON log."""
    done = ctr("run", "--rm", "--runc-binary", ctr.runtime, IMAGE, "a", "nosuch", status=1)
    assert says(done.err, MISSING)
    done = ctr("run", "--rm", "--runc-binary", ctr.runtime, "--cwd", "/etc/passwd", IMAGE, "a", "id", status=1)
    assert says(done.err, NO_DIRECTORY)


def test_exec(waiting):
    done = waiting("task", "exec", "--exec-id", "e1", "--cwd", "/etc", "w", "sh", "-c", "pwd; id -u; exit 6", status=6)
    assert done.out.split() == ["/etc", "0"]
    done = waiting("task", "exec", "--exec-id", "e2", "w", "nosuch", status=1)
    assert says(done.err, MISSING)


def test_pause_metrics_and_processes(waiting):
    waiting("task", "pause", "w")
    assert waiting.status("w") == "PAUSED"
    waiting("task", "resume", "w")
    assert waiting.status("w") == "RUNNING"
    assert len(waiting("task", "ps", "w").out.splitlines()) >= 2
    assert re.search(r"memory\.limit_in_bytes +67108864|memory\.usage_in_bytes", waiting("task", "metrics", "w").out)


def test_kill_gives_the_status(waiting):
    waiting("task", "kill", "-s", "TERM", "w")
    waiting.becomes("w", "STOPPED")
    assert "cannot exec in a stopped state" in waiting("task", "exec", "--exec-id", "e", "w", "true", status=1).err
    assert "not found" in waiting("task", "kill", "w", status=1).err
    assert "non-zero exit code 9" in waiting("task", "delete", "w").err


def test_terminal(ctr):
    primary, secondary = pty.openpty()
    command = ctr.command("run", "--rm", "-t", "--runc-binary", ctr.runtime, IMAGE, "a", "sh", "-c", "tty; exit 5")
    process = ctr.machine.spawn(*command, stdin=secondary, stdout=secondary, stderr=secondary)
    os.close(secondary)
    status = process.wait()
    text = os.read(primary, 4096)
    os.close(primary)
    assert (status, text.split()) == (5, [b"/dev/pts/0"])


def test_options_of_the_configuration(ctr):
    source = ctr.machine.folder / "mounted"
    source.mkdir()
    (source / "file").write_text("host\n")
    script = "cat /m/file; grep CapEff /proc/self/status; touch /x || echo refused; cat /proc/self/uid_map"
    options = ["--mount", f"type=bind,src={source},dst=/m,options=rbind:ro", "--cap-drop", "CAP_CHOWN", "--read-only"]
    out = ctr.execute("a", script, *options).out.split()
    assert out[0] == "host" and int(out[2], 16) & 1 == 0 and out[3] == "refused", out
    script = "grep CapEff /proc/self/status; test -c /dev/fuse"
    privileged = ctr.execute("b", script, "--privileged", "--device", "/dev/fuse")
    assert int(privileged.out.split()[1], 16) & 1 == 1
    ctr.execute("c", "grep -q 'Seccomp:.*2' /proc/self/status", "--seccomp")

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""conmon over the runtime, called as CRI-O and podman call it."""

import json
import os
import signal
import subprocess

import pytest
from machine import MISSING, NOT_RUNNING, eventually, says


class Monitored:
    """One bundle, and what conmon writes about the container in it."""

    def __init__(self, machine, runtime, layout):
        self.machine, self.runtime = machine, runtime
        self.folder = machine.folder / "monitored"
        self.state = self.folder / "state"
        self.state.mkdir(parents=True)
        machine.run("umoci", "unpack", "--image", f"{layout}:1", self.folder / "bundle")

    def configure(self, script, terminal=False):
        path = self.folder / "bundle/config.json"
        config = json.loads(path.read_text())
        config["process"].update(args=["sh", "-c", script], terminal=terminal, rlimits=[])
        config["linux"]["cgroupsPath"] = "/monitored"
        path.write_text(json.dumps(config))

    def call(self, *arguments, **expected):
        return self.machine.run(self.runtime, "--root", self.state, *arguments, **expected)

    def create(self, *options):
        """Starts conmon, which calls the runtime. Returns the pid or the error that conmon sends on its pipe."""
        reader, writer = os.pipe()
        command = [
            "conmon", "--api-version", "1", "-c", "box", "-u", "box", "-n", "box", "-r", self.runtime, "-b",
            self.folder / "bundle", "-p", self.folder / "pid", "--exit-dir", self.folder / "exits", "--persist-dir",
            self.folder, "--socket-dir-path", self.folder / "sockets", "-l", f"k8s-file:{self.folder}/log",
            "--log-level", "error", "--full-attach", "--runtime-arg", "--root", "--runtime-arg", self.state, *options,
        ]
        (self.folder / "exits").mkdir(exist_ok=True)
        (self.folder / "sockets").mkdir(exist_ok=True)
        with open(self.folder / "conmon.log", "wb") as log:
            # The number by which conmon finds the pipe must be that of the descriptor.
            process = self.machine.spawn(
                *command, env={**os.environ, "_OCI_SYNCPIPE": str(writer)}, pass_fds=[writer], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)
        os.close(writer)
        with os.fdopen(reader) as answers:
            line = answers.readline()
        process.wait()
        return json.loads(line) if line else (self.folder / "conmon.log").read_text()

    def exit_status(self, name="box"):
        file = self.folder / "exits" / name
        return int(eventually("conmon writes the status", lambda: file.exists() and file.read_text()))

    def log(self):
        return [tuple(line.split(" ", 3)[1:]) for line in (self.folder / "log").read_text().splitlines()]

    def status(self):
        return json.loads(self.call("state", "box").out)["status"]


@pytest.fixture
def monitored(machine, runtime, layout):
    one = Monitored(machine, runtime, layout)
    yield one
    one.call("delete", "--force", "box")
    machine.run("rm", "-rf", one.folder)
    eventually("no process is left", lambda: not machine.processes())
    assert not machine.cgroups(), machine.cgroups()


def test_create_start_and_exit_status(monitored):
    monitored.configure("echo out; echo err >&2; exit 6")
    answer = monitored.create()
    assert answer["data"] > 0 and monitored.status() == "created", answer
    monitored.call("start", "box")
    assert monitored.exit_status() == 6
    assert sorted(monitored.log()) == [("stderr", "F", "err"), ("stdout", "F", "out")]
    assert monitored.status() == "stopped"


def test_signal_status_and_kill_all(monitored):
    monitored.configure("sleep 1000 & sleep 1000")
    monitored.create()
    monitored.call("start", "box")
    monitored.call("kill", "--all", "box", "KILL")
    assert monitored.exit_status() == 128 + signal.SIGKILL
    assert says(monitored.call("kill", "box", "TERM", status=1).err, NOT_RUNNING)


def test_error_of_the_runtime_reaches_the_caller(monitored):
    """conmon sends what the runtime said on its standard error."""
    monitored.configure("true")
    path = monitored.folder / "bundle/config.json"
    config = json.loads(path.read_text())
    config["process"]["args"] = ["nosuch"]
    path.write_text(json.dumps(config))
    answer = monitored.create()
    assert answer["data"] == -1 and says(answer["message"], MISSING)


def test_terminal(monitored):
    monitored.configure("tty; test -t 0 && test -t 2 && stty -a | grep -c onlcr", terminal=True)
    assert monitored.create("-t")["data"] > 0
    monitored.call("start", "box")
    assert monitored.exit_status() == 0
    lines = [text.rstrip("\r") for _, _, text in monitored.log()]
    assert lines[0] == "/dev/pts/0"


def test_exec(monitored):
    monitored.configure("while :; do sleep 0.05; done")
    monitored.create()
    monitored.call("start", "box")
    process = monitored.folder / "process.json"
    process.write_text(json.dumps({
        "args": ["sh", "-c", "echo inside; exit 11"], "cwd": "/etc", "env": ["PATH=/bin"], "user": {"uid": 0}}))
    answer = monitored.create("--exec", "--exec-process-spec", process)
    assert answer["data"] > 0, answer
    eventually("the exec says so", lambda: ("stdout", "F", "inside") in monitored.log())
    process.write_text(json.dumps({"args": ["nosuch"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0}}))
    answer = monitored.create("--exec", "--exec-process-spec", process)
    assert answer["data"] < 0 and says(answer["message"], MISSING), answer

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""One container of a check: its bundle, and the commands of the runtime on it."""

import json
import os
import time

from suite import cgroups
from suite.expect import that


def until(fact, what, patience=20):
    """Polls until `fact()` is true, and returns that; the check fails if it never is."""
    end = time.monotonic() + patience
    while not (found := fact()):
        that(time.monotonic() < end, f"not within {patience} s: {what}")
        time.sleep(0.005)
    return found


class Container:
    """A container by its id. Commands that must succeed are methods; `command` is for those that may fail."""

    def __init__(self, case, id, bundle, configuration):
        self.case, self.id, self.bundle, self.configuration = case, id, bundle, configuration
        self.root = case.state
        self.output_path = f"{case.folder}/{id}.out"

    def command(self, *words, **more):
        """A command of the runtime in this case's state directory."""
        more.setdefault("root", self.root)
        return self.case.runtime.command(*words, **more)

    def must(self, *words, **more):
        """A command that must succeed."""
        outcome = self.command(*words, **more)
        that(outcome.status == 0, str(outcome))
        return outcome

    def try_create(self, *options, **more):
        """Create, which may fail. The container's output goes to a file of its own."""
        with open(self.output_path, "ab") as output:
            return self.command("create", "--bundle", self.bundle, *options, self.id, out=output, **more)

    def create(self, *options, **more):
        """Create."""
        outcome = self.try_create(*options, **more)
        that(outcome.status == 0, str(outcome))
        return self

    def start(self):
        """Start."""
        self.must("start", self.id)
        return self

    def up(self, *options, **more):
        """Create and start; the container runs."""
        return self.create(*options, **more).start()

    def run(self, *options, **more):
        """Run in the foreground, to the end."""
        return self.command("run", "--bundle", self.bundle, *options, self.id, **more)

    def try_start(self):
        return self.command("start", self.id)

    def try_state(self):
        return self.command("state", self.id)

    def state(self):
        """The state, decoded."""
        return json.loads(self.must("state", self.id).out)

    @property
    def status(self):
        return self.state()["status"]

    @property
    def pid(self):
        return self.state()["pid"]

    def kill(self, signal="KILL", *options):
        """Sends a signal."""
        self.must("kill", *options, self.id, signal)
        return self

    def try_kill(self, signal="KILL", *options):
        return self.command("kill", *options, self.id, signal)

    def delete(self, *options):
        """Delete."""
        self.must("delete", *options, self.id)

    def try_delete(self, *options):
        return self.command("delete", *options, self.id)

    def exec(self, *words, options=(), **more):
        """Exec in the foreground; may fail."""
        return self.command("exec", *options, self.id, *words, **more)

    def exec_shell(self, script, *options):
        """Output of a script that must succeed inside."""
        outcome = self.exec("/bin/sh", "-c", script, options=options)
        that(outcome.status == 0, str(outcome))
        return outcome.out

    def stopped(self):
        """Waits until the container is stopped."""
        until(lambda: self.status == "stopped", f"\"{self.id}\" is stopped", self.case.patience)
        return self

    def output(self):
        """What the container wrote so far."""
        with open(self.output_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wrote(self, part):
        """Waits until the container wrote something."""
        until(lambda: part in self.output(), f"{part!r} in the output {self.output()!r}", self.case.patience)
        return self

    def exists(self):
        return self.try_state().status == 0

    def cgroup(self, controller):
        """The folder of its cgroup, as its first process is in it."""
        return cgroups.folder(self.pid, controller)

    def limit(self, controller, name):
        """The text of a file of its cgroup."""
        path = os.path.join(self.cgroup(controller), name)
        with open(path, encoding="utf-8") as file:
            return file.read().strip()

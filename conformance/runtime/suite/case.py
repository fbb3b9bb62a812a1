# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""What a check is given: containers in a folder of its own, which is empty again afterwards."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

from suite import cgroups, facts
from suite.configuration import Configuration
from suite.container import Container
from suite.expect import that


class Case:
    """One run of one check. `folder` is its own; so are the state directory and the cgroups of its containers."""

    def __init__(self, suite, number):
        self.suite, self.runtime, self.patience = suite, suite.runtime, suite.runtime.patience
        self.folder = f"{suite.folder}/{number}"
        self.state = f"{self.folder}/state"
        self.cgroup = f"{suite.cgroup}/{number}"
        self.containers = []
        self.cleanups = []
        os.makedirs(self.state)

    def config(self, *args):
        """A config.json to change; with `args`, what it runs."""
        path = f"{self.cgroup}/c{len(self.containers)}"
        if "--systemd-cgroup" in self.runtime.options:
            path = f"system.slice:skiff-conformance:{self.cgroup.strip('/').replace('/', '-')}-{len(self.containers)}"
        made = Configuration(path)
        return made.args(*args) if args else made

    def maps_owners(self, folder):
        """Whether the file system of a folder can be mounted with other owners."""
        status = subprocess.run([self.suite.rootfs.probe, "maps", folder], check=False).returncode
        that(status in (0, 1), f"the probe cannot tell whether {folder} can be mounted with other owners")
        return status == 0

    def container(self, configuration=None, id=None, rootfs=True):
        """A container that is not created yet."""
        number = len(self.containers)
        configuration = self.config("/probe", "wait") if configuration is None else configuration
        id = id or f"{os.path.basename(self.suite.folder)}-{os.path.basename(self.folder)}-{number}"
        bundle = f"{self.folder}/bundle{number}"
        os.mkdir(bundle)
        if rootfs:
            self.suite.rootfs.make(f"{bundle}/rootfs")
        with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
            file.write(configuration if isinstance(configuration, str) else json.dumps(configuration))
        self.containers.append(Container(self, id, bundle, configuration))
        return self.containers[-1]

    def up(self, configuration=None):
        """A container that runs; by default the probe, which waits for SIGTERM."""
        container = self.container(configuration).up()
        if configuration is None:
            container.wrote("waiting")
        return container

    def run(self, configuration, *options, **more):
        """What a container wrote that had to end with success."""
        outcome = self.container(configuration).run(*options, **more)
        that(outcome.status == 0, str(outcome))
        return outcome.out

    def shell(self, script, configuration=None):
        """What a script wrote in a container."""
        return self.run((configuration or self.config()).shell(script)).strip()

    def report(self, configuration=None):
        """What the probe found in a container."""
        return parse(self.run(configuration or self.config("/probe", "report")))

    def refused(self, configuration, *parts, rootfs=True):
        """Create fails with a message, which holds one of `parts` if there are any, and nothing is left behind."""
        container = self.container(configuration, rootfs=rootfs)
        outcome = container.try_create()
        if outcome.status == 0:
            # Some only see it at start.
            outcome = container.try_start()
            that(outcome.status != 0, "it was accepted")
            container.try_delete("--force")
            raise AssertionError(f"create accepted it, only start refused it: {outcome.message}")
        that(outcome.status > 0, f"the runtime crashed: {outcome}")
        that(outcome.message, "it was refused without a message")
        low = outcome.message.lower()
        that(not parts or any(part.lower() in low for part in parts),
             f"the message names none of {parts}: {outcome.message}")
        that(not container.exists(), "the refused container exists")
        self.nothing_left()
        return outcome

    def path(self, name, text=None, mode=None):
        """A path in this case's folder; with `text`, a file there."""
        path = f"{self.folder}/{name}"
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        if mode is not None:
            os.chmod(path, mode)
        return path

    def directory(self, name):
        """A new folder in this case's folder."""
        path = self.path(name)
        os.makedirs(path)
        return path

    def traces(self):
        """What containers of this case left on the machine."""
        found = [f"mount {place}" for place in self.mounts()]
        for place in cgroups.below(self.cgroup):
            if place.rsplit("/", 1)[1] != self.cgroup.rsplit("/", 1)[1]:
                found.append(f"cgroup {place}")
            found += [f"process {pid} in {place}" for pid in cgroups.members(place)]
        found += [f"state {name}" for name in os.listdir(self.state) if not name.startswith(".")]
        found += [f"process {pid}: {words}" for pid, words in self.processes()]
        return found

    def mounts(self):
        """Mounts below this case's folder, deepest first."""
        lines = facts.read("/proc/self/mountinfo").splitlines()
        return [line.split()[4] for line in reversed(lines) if line.split()[4].startswith(self.folder + "/")]

    def processes(self):
        """Living processes whose command line names this case's folder, zombies excepted."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            words = facts.read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
            if self.folder + "/" in words:
                yield int(pid), words

    def nothing_left(self):
        """Fails if something stays of this case; what is on its way out gets its time."""
        end = time.monotonic() + 3
        while traces := self.traces():
            that(time.monotonic() < end, "left behind: " + "; ".join(traces))
            time.sleep(0.01)

    def finish(self):
        """Deletes what there is, by the runtime. Fails if that fails or leaves anything."""
        for cleanup in reversed(self.cleanups):
            cleanup()
        for container in self.containers:
            outcome = container.try_delete("--force")
            that(outcome.status == 0, f"{outcome}")
        self.nothing_left()

    def sweep(self):
        """Removes what a runtime left, whatever it is."""
        end = time.monotonic() + 5
        while self.traces() and time.monotonic() < end:
            pids = {pid for place in cgroups.below(self.cgroup) for pid in cgroups.members(place)}
            for pid in pids | {pid for pid, _ in self.processes()}:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            for place in self.mounts():
                os.system(f"umount -l {place}")
            for place in cgroups.below(self.cgroup):
                facts.read(f"{place}/freezer.state") and self.thaw(place)
                with contextlib.suppress(OSError):
                    os.rmdir(place)
            for name in os.listdir(self.state):
                shutil.rmtree(f"{self.state}/{name}", ignore_errors=True)
        for place in cgroups.below(self.cgroup):
            with contextlib.suppress(OSError):
                os.rmdir(place)
        # What is mounted below may be the machine's own.
        if not self.mounts():
            shutil.rmtree(self.folder, ignore_errors=True)

    def thaw(self, place):
        """Killed processes only end when they are not frozen."""
        with contextlib.suppress(OSError), open(f"{place}/freezer.state", "w", encoding="utf-8") as file:
            file.write("THAWED")


def parse(text):
    """The lines of the probe's report as a dictionary; `env.X=Y` are two levels of names in one."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""podman(1) of a machine, with every folder of its own."""

import re

from machine import eventually

BOX = "localhost/box:1"


class Podman:
    def __init__(self, machine, runtime):
        self.machine = machine
        home = machine.folder / "podman"
        self.storage = ["--root", home / "root", "--runroot", home / "run", "--storage-driver", "overlay"]
        self.options = [
            *self.storage, "--tmpdir", home / "tmp", "--network-config-dir", home / "networks",
            "--volumepath", home / "volumes", "--runtime", runtime,
        ]
        self.used = set()

    def __call__(self, *arguments, **expected):
        self.used.add(arguments[0])
        return self.machine.run("podman", *self.options, *arguments, **expected)

    def out(self, *arguments, **expected):
        return self(*arguments, **expected).out.strip()

    def load(self, layout, tag, name):
        target = "containers-storage:[overlay@{}+{}]{}".format(self.storage[1], self.storage[3], name)
        self.machine.run("skopeo", "copy", "-q", f"oci:{layout}:{tag}", target)

    def shell(self, script, *options, **expected):
        """A container that runs a script to its end and is removed."""
        return self("run", "--rm", *options, BOX, "sh", "-c", script, **expected)

    def start(self, name, script, *options):
        """A container in the background."""
        self("run", "-d", "--name", name, *options, BOX, "sh", "-c", script)

    def logged(self, name, line):
        """Waits until the container has said a line."""
        eventually(f"{name} says {line!r}", lambda: line in self.out("logs", name).splitlines())

    def inspect(self, name, template):
        return self.out("inspect", name, "--format", template)

    def clean(self):
        """Removes what a test left, and expects that nothing is left of it then."""
        for used, removal in (
            ({"pod", "kube"}, ["pod", "rm", "-f", "-a", "-t", "0"]),
            ({"run"}, ["rm", "-f", "-a", "-t", "0"]),
            ({"volume"}, ["volume", "prune", "-f"]),
        ):
            if used & self.used:
                self(*removal)
        self.used.clear()
        eventually("no process is left", lambda: not self.machine.processes())
        # podman keeps one mount of its store on itself.
        mounts = [path for path in self.machine.mounts() if not path.endswith("/root/overlay")]
        assert not mounts, mounts
        for group in self.machine.cgroups():
            # A pod's cgroup is podman's, which removes it from the hierarchies with controllers only.
            assert group.parent.name == "libpod_parent" and re.search("/systemd/|/unified/", str(group)), group
            group.rmdir()

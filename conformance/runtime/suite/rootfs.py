# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The root filesystem of the containers: busybox and the probe, made anew for each from hard links."""

import os
import shutil
import subprocess

from suite.expect import that

FOLDERS = "bin sbin etc dev proc sys tmp run root home/user usr/bin var opt mnt".split()
APPLETS = """sh cat ls echo id env true false sleep stat mount umount mkdir touch rm test readlink grep head tail wc kill
ps mknod chmod chown sed awk cut tr df dd hostname ip date nice printf sort sysctl pwd tty stty ln cp mv od nohup
setsid unshare expr seq yes mkfifo""".split()


class Rootfs:
    """Where containers get their root from. With `template` it is a copy of that folder, and the probe."""

    def __init__(self, folder, template=None, probe=None):
        self.folder, self.template = folder, template
        os.makedirs(folder)
        self.probe = f"{folder}/probe"
        if probe:
            shutil.copy(probe, self.probe)
        else:
            compile_probe(self.probe)
        self.busybox = f"{folder}/busybox"
        if not template:
            shutil.copy(shutil.which("busybox") or "/bin/busybox", self.busybox)

    def make(self, path):
        """A new root filesystem in `path`."""
        if self.template:
            subprocess.run(["cp", "-a", self.template, path], check=True)
        else:
            for name in FOLDERS:
                os.makedirs(f"{path}/{name}")
            os.chmod(f"{path}/tmp", 0o1777)
            os.link(self.busybox, f"{path}/bin/busybox")
            for name in APPLETS:
                os.symlink("busybox", f"{path}/bin/{name}")
            write(f"{path}/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n")
            write(f"{path}/etc/group", "root:x:0:\nuser:x:1000:\nmore:x:2000:user\n")
        os.link(self.probe, f"{path}/probe")


def write(path, text):
    """A file with `text`."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def compile_probe(path):
    """The static C program of the containers."""
    source = os.path.join(os.path.dirname(__file__), "probe.c")
    done = subprocess.run(["gcc", "-static", "-O1", "-Wall", "-o", path, source], capture_output=True, text=True)
    that(done.returncode == 0, f"gcc cannot compile \"{source}\": {done.stderr}")

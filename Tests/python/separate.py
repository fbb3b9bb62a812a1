# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""An engine in a mount namespace of its own, where files of the machine are others, so that nothing happens to its own."""

import pathlib
import signal
import subprocess

from engine import Engine


class SeparateEngine(Engine):
    def __init__(self, handler="skiffrun", prepare=":"):
        """The shell commands make the place what it shall be; /mnt is an empty file system there."""
        script = f"mount -t tmpfs separate /mnt && {prepare} && echo ready && exec sleep 1000000"
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        self.place = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert self.place.stdout.readline() == "ready\n"
            self.entry = ["nsenter", f"--mount=/proc/{self.place.pid}/ns/mnt"]
            super().__init__(handler)
        except BaseException:
            self.leave()
            raise

    def down(self):
        try:
            super().down()
        finally:
            self.leave()

    def leave(self):
        self.place.send_signal(signal.SIGKILL)
        self.place.wait()
        self.place.stdout.close()

    def path(self, path):
        """A path of the place, for who is outside."""
        return pathlib.Path(f"/proc/{self.place.pid}/root{path}")

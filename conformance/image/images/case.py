# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""What one check works with: servers, settings, and the tool that is judged. All is gone when the check is over."""

import json
import os
import shutil
import tempfile

from suite.expect import contains, that
from images.server import Server
from images.services import DocumentRegistry


class Case:
    """One check's world."""

    def __init__(self, tool):
        self.tool = tool
        self.folder = tempfile.mkdtemp(prefix="skiff-image.")
        self.open = []
        self.runs = 0

    def server(self, *arguments, **more):
        """A registry that can be taught to misbehave."""
        server = Server(*arguments, **more)
        self.open.append(server)
        return server

    def registry(self, **more):
        """Debian's docker-registry."""
        folder = f"{self.folder}/registry{len(self.open)}"
        os.mkdir(folder)
        registry = DocumentRegistry(folder, **more)
        self.open.append(registry)
        return registry

    def setting(self, *servers, **more):
        """Settings for one run of the tool; the servers are declared insecure."""
        from images.tools import Setting

        self.runs += 1
        folder = f"{self.folder}/run{self.runs}"
        os.mkdir(folder)
        setting = Setting(folder)
        setting.insecure = [server.address for server in servers]
        for key, value in more.items():
            setattr(setting, key, value)
        return setting

    def file(self, name, content):
        """A file for a setting."""
        path = f"{self.folder}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def get(self, server, name, setting=None, patience=None):
        """What the tool makes of an image of a server."""
        return self.tool.get(f"docker://{server.address}/{name}", setting or self.setting(server), patience)

    def gets(self, server, name, files, setting=None):
        """The tool gets the image, and these files have this content."""
        outcome = self.get(server, name, setting)
        that(outcome.good, str(outcome))
        self.holds(outcome, files)
        return outcome

    @staticmethod
    def holds(outcome, files):
        """The image's files have this content; None is a file that must not be there."""
        for path, content in files.items():
            place = f"{outcome.tree}/{path}"
            if content is None:
                that(not os.path.lexists(place), f"{path} is there")
                continue
            with open(place, "rb") as file:
                found = file.read()
            content = content.encode() if isinstance(content, str) else content
            that(found == content, f"{path} has {len(found)} bytes {found[:40]!r}, expected {len(content)} {content[:40]!r}")

    def refuses(self, server, name, *words, setting=None, patience=None):
        """The tool fails, in time, and says why: one of the words is in what it says."""
        outcome = self.get(server, name, setting, patience)
        that(not outcome.hung, str(outcome))
        that(not outcome.good, f"it succeeds: {outcome}")
        that(outcome.text, f"it says nothing: {outcome}")
        that("panic" not in outcome.text and "Fatal error" not in outcome.text, f"it crashes: {outcome}")
        if words:
            that(any(word.lower() in outcome.text.lower() for word in words),
                 f"none of {words} is in what it says: {outcome}")
        return outcome

    def close(self):
        """Ends servers, removes files and what podman has mounted."""
        for server in self.open:
            server.close()
        with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
            places = [line.split()[4] for line in mounts if self.folder in line]
        for place in reversed(places):
            os.system(f"umount -l '{place}'")
        shutil.rmtree(self.folder)


def says(outcome, *parts):
    """All of these are in what the tool said."""
    for part in parts:
        contains(outcome.text, part)

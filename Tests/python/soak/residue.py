# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What is left of an engine's pods when there are none any more, compared with what there was before the first."""

import collections
import os
import pathlib
import re
import sqlite3
import subprocess

from engine import eventually


class Residue:
    def __init__(self, engine):
        self.engine = engine
        self.before = self.kept()

    def check(self):
        """Fails unless everything is as it was; what the kernel and the daemon do in the background gets some time."""
        assert not self.engine.pods() and not self.engine.containers()
        try:
            eventually("nothing is left", lambda: not self.left(), seconds=30)
        except AssertionError:
            raise AssertionError(f"left behind: {self.left()}") from None

    def left(self):
        found = {kind: things for kind, things in self.engine.leftovers().items() if things}
        found["rules"] = self.rules()
        now = self.kept()
        for kind, things in now.items():
            found[kind] = sorted((things - self.before[kind]).elements())
        return {kind: things for kind, things in found.items() if things}

    def kept(self):
        return {"files": self.files(), "rows": self.rows(), "descriptors": self.descriptors()}

    def rules(self):
        text = "".join(subprocess.run([command], capture_output=True, text=True).stdout
                       for command in ("iptables-save", "ip6tables-save"))
        subnet = self.engine.env["SUBNET"].rsplit(".", 1)[0] + "."
        return [line for line in text.splitlines() if subnet in line]

    def files(self):
        """Everything that is not of the image or the database."""
        folder = self.engine.folder
        places = [folder / "lib/containers", folder / "lib/cni", folder / "run"]
        return collections.Counter(
            str(path.relative_to(folder)) for place in places for path in place.rglob("*")
            if "features" not in path.name)

    def rows(self):
        """How many rows each table of the daemon's database has."""
        database = sqlite3.connect(f"file:{self.engine.folder}/lib/skiff.db?mode=ro", uri=True)
        try:
            names = [name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return collections.Counter(
                {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names})
        finally:
            database.close()

    def descriptors(self):
        """The daemon's, by what they are."""
        count = collections.Counter()
        folder = pathlib.Path(f"/proc/{self.engine.daemon_pid()}/fd")
        for entry in folder.iterdir():
            try:
                kind = os.readlink(entry)
            except FileNotFoundError:
                continue
            # Connections of the pool of readers come and go within their bounds.
            if "skiff.db" not in kind:
                count[re.sub(r"[0-9]+", "N", kind)] += 1
        return count

    def memory(self):
        """KiB of the daemon that are its own."""
        text = pathlib.Path(f"/proc/{self.engine.daemon_pid()}/smaps_rollup").read_text()
        return int(re.search(r"Private_Dirty: +([0-9]+)", text).group(1))

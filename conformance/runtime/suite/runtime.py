# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The runtime under test, driven by its command line."""

import os
import re
import subprocess
import tempfile


class Outcome:
    """How a command ended: `status` is negative for a signal."""

    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err

    @property
    def message(self):
        """What the command said went wrong: runtimes write it to standard error."""
        return self.err.strip() or self.out.strip()

    def __str__(self):
        return f"`{' '.join(self.command)}` ended with {self.status}: {self.message or 'no message'}"


class Runtime:
    """One runtime binary. Its options and commands are those that runc and crun share."""

    def __init__(self, program, options=(), patience=30):
        self.program, self.options, self.patience = program, list(options), patience
        version = self.command("--version").out
        found = re.search(r"(\S+) version (\S+)", version)
        self.name = found[1] if found else os.path.basename(program)
        self.version = found[2] if found else "unknown"

    def begin(self, *words, root=None, cwd=None, env=None, stdin=None, out=None, err=None, pass_fds=()):
        """Starts a command and returns its process."""
        command = [self.program, *(["--root", root] if root else []), *self.options, *words]
        return subprocess.Popen(
            command, cwd=cwd, env=env, stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=out if out is not None else subprocess.DEVNULL, stderr=err if err is not None else subprocess.DEVNULL,
            pass_fds=pass_fds)

    def command(self, *words, input=None, out=None, patience=None, **more):
        """Runs a command to its end. Output goes to files: what a container inherits may outlive the command."""
        with tempfile.TemporaryFile() as kept, tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as given:
            if input is not None:
                given.write(input.encode())
                given.seek(0)
                more["stdin"] = given
            process = self.begin(*words, out=out or kept, err=errors, **more)
            patience = patience or self.patience
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"`{' '.join(words)}` did not end within {patience} s") from None
            return Outcome([os.path.basename(self.program), *words], process.returncode, text(kept), text(errors))


def text(file):
    """All that a file holds. The offset is shared with a container that still writes, so it is left alone."""
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode(errors="replace")

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Runs checks, several at once, and counts what is on the machine before and after."""

import concurrent.futures
import contextlib
import os
import shutil
import tempfile
import threading
import time
import traceback

from suite import cgroups, differences, facts
from suite.case import Case
from suite.expect import Skip
from suite.registry import Check
from suite.reports import Result
from suite.rootfs import Rootfs


class Suite:
    """One run of the suite. `folder` and `cgroup` are all that it uses; both are gone at its end."""

    def __init__(self, runtime, template=None, probe=None, many=40):
        self.runtime, self.many = runtime, many
        self.mode = facts.cgroup_mode()
        self.known = differences.load(runtime, self.mode)
        self.folder = tempfile.mkdtemp(prefix="skiff-conformance.")
        # A container's user must reach its root filesystem.
        os.chmod(self.folder, 0o755)
        self.cgroup = f"/{os.path.basename(self.folder)}"
        self.rootfs = Rootfs(f"{self.folder}/rootfs", template, probe)
        self.stop = threading.Event()

    def run(self, checks, jobs, tell):
        """Runs checks and tells each result as it comes; returns them all."""
        before = totals(self)
        results = []
        together = [check for check in checks if not check.alone]
        numbered = {check.name: number for number, check in enumerate(checks)}
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            waiting = [pool.submit(self.one, check, numbered[check.name]) for check in together]
            for done in concurrent.futures.as_completed(waiting):
                results.append(done.result())
                tell(results[-1])
        for check in checks:
            if check.alone:
                results.append(self.one(check, numbered[check.name]))
                tell(results[-1])
        results.append(self.leaks(before))
        tell(results[-1])
        return results

    def one(self, check, number):
        """The result of one check."""
        begin = time.monotonic()
        if self.stop.is_set():
            return Result(check, "skipped", 0, "interrupted")
        case = Case(self, number)
        kind, message = attempt(lambda: check.function(case))
        # The runtime must be able to clean up after a failure too, but the first one is the one to tell.
        later, more = attempt(case.finish)
        if later != "passed" and kind != "failed":
            kind, message = later, more
        case.sweep()
        why = differences.reason(self.known, check.name)
        if why and kind == "failed":
            kind, message = "expected", f"{why} [{message}]"
        elif why and kind == "passed":
            kind, message = "mended", f"listed as a difference: {why}"
        return Result(check, kind, time.monotonic() - begin, message)

    def leaks(self, before):
        """The result of comparing the machine with what it was."""

        def compare():
            end = time.monotonic() + 5
            while (after := totals(self)) != before and time.monotonic() < end:
                time.sleep(0.05)
            changed = [f"{name}: {before[name]} before, {after[name]} after" for name in before
                       if after[name] > before[name]]
            if changed:
                raise AssertionError("; ".join(changed))

        compare.__module__, compare.__name__ = "leaks", "machine_is_as_it_was"
        compare.__doc__ = "Delete: everything that create made is gone: descriptors, mounts, cgroups, processes (runtime.md, Delete)."
        begin = time.monotonic()
        kind, message = attempt(compare)
        return Result(Check(compare, True), kind, time.monotonic() - begin, message)

    def close(self):
        """Removes what the suite itself made."""
        for place in cgroups.below(self.cgroup):
            with contextlib.suppress(OSError):
                os.rmdir(place)
        if f" {self.folder}" not in facts.read("/proc/self/mountinfo"):
            shutil.rmtree(self.folder, ignore_errors=True)


def attempt(work):
    """How a piece of a check ended, and its message."""
    try:
        work()
        return "passed", ""
    except Skip as skip:
        return "skipped", str(skip)
    except AssertionError as failure:
        return "failed", str(failure)
    except Exception:
        return "failed", traceback.format_exc(limit=-4).strip()


def totals(suite):
    """What is counted before and after: of the machine where only this suite can change it, else of what is ours."""
    below = [place for place in cgroups.below(suite.cgroup) if place.rstrip("/").count(suite.cgroup + "/")]
    mounts = facts.read("/proc/self/mountinfo").splitlines()
    own = sum(1 for pid in filter(str.isdigit, os.listdir("/proc"))
              if suite.folder in facts.read(f"/proc/{pid}/cmdline") and int(pid) not in (os.getpid(), os.getppid()))
    return {
        "descriptors of the suite": len(os.listdir("/proc/self/fd")),
        "mounts": sum(1 for line in mounts if suite.folder in line),
        "cgroups": len(below),
        "processes": own,
    }

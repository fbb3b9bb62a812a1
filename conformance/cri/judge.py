# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Drives the checks of the package `checks` against a CRI socket; begun by conformance/cri/run."""

import argparse
import concurrent.futures
import fnmatch
import os
import sys
import time

import grpc

HERE = os.path.dirname(os.path.abspath(__file__))
# Reports, declarations and expectations are those of the suite for runtimes.
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "runtime")]

from machine.case import Case
from machine.client import Client
from suite import differences, registry, reports
from suite.reports import Result
from suite.runner import attempt


def arguments():
    parser = argparse.ArgumentParser(prog="conformance/cri/run", description=__doc__)
    parser.add_argument("--endpoint", help="the engine's socket")
    parser.add_argument("--image", help="an image with busybox, whose command serves a page on port 80")
    parser.add_argument("--handler", default="", help="the runtime handler of all pods")
    parser.add_argument("--folder", default="/tmp", help="where logs and sources of mounts are made (/tmp)")
    parser.add_argument("--filter", action="append", default=[], help="only checks with this pattern, or part, in their name")
    parser.add_argument("--short", action="store_true", help="without the checks that take long")
    parser.add_argument("--jobs", type=int, default=2, help="checks at once (2)")
    parser.add_argument("--tap", action="store_true", help="TAP on standard output")
    parser.add_argument("--junit", metavar="FILE", help="a report in the format of JUnit")
    parser.add_argument("--list", action="store_true", help="only list the checks and what they prove")
    parser.add_argument("--failures", action="store_true", help="say nothing of what passed")
    return parser.parse_args()


def chosen(options):
    return [check for check in registry.all_checks()
            if (not options.filter or any(part in check.name or fnmatch.fnmatchcase(check.name, part)
                                          for part in options.filter))
            and not (options.short and getattr(check.function, "takes_long", False))]


def known_differences(client):
    """The file of the engine and its version, without what distributions append: containerd-1.6.20."""
    version = client.version.runtime_version.lstrip("v").split("~")[0].split("+")[0]
    for name in [f"{client.version.runtime_name}-{version}", client.version.runtime_name]:
        path = os.path.join(HERE, "differences", name)
        if os.path.exists(path):
            return differences.parse(open(path, encoding="utf-8").read(), "")
    return []


def told(work, case):
    """An answer that was not expected is a failure, in one line."""
    try:
        work(case)
    except grpc.RpcError as error:
        raise AssertionError(f"{error.code()}: {error.details()}") from None


def one(check, client, options, known):
    begin = time.monotonic()
    case = Case(client, check.name, options)
    kind, message = attempt(lambda: told(check.function, case))
    later, more = attempt(lambda: told(Case.finish, case))
    if later != "passed" and kind != "failed":
        kind, message = later, more
    why = differences.reason(known, check.name)
    if why and kind == "failed":
        kind, message = "expected", f"{why} [{message}]"
    elif why and kind == "passed":
        kind, message = "mended", f"listed as a difference: {why}"
    return Result(check, kind, time.monotonic() - begin, message)


def judge(options):
    client = Client(options.endpoint)
    checks, known, results = chosen(options), known_differences(client), []
    head = f"{client.version.runtime_name} {client.version.runtime_version}, handler {options.handler or 'default'}"
    print(f"TAP version 13\n# {head}\n1..{len(checks)}" if options.tap else head, flush=True)

    def tell(result):
        results.append(result)
        if options.tap:
            print(reports.tap(result, len(results)), flush=True)
        elif not (options.failures and result.kind == "passed"):
            print(reports.line(result), flush=True)

    begin = time.monotonic()
    client.pull(options.image)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        waiting = [pool.submit(one, check, client, options, known) for check in checks if not check.alone]
        for done in concurrent.futures.as_completed(waiting):
            tell(done.result())
    for check in checks:
        if check.alone:
            tell(one(check, client, options, known))
    seconds = time.monotonic() - begin
    if options.junit:
        with open(options.junit, "w", encoding="utf-8") as file:
            file.write(reports.junit(results, head, seconds))
    counts = {kind: sum(result.kind == kind for result in results)
              for kind in ("passed", "failed", "expected", "mended", "skipped")}
    text = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number)
    print(f"{'# ' if options.tap else ''}{text}; {seconds:.1f} s", flush=True)
    return 1 if counts["failed"] else 0


def main():
    options = arguments()
    if options.list:
        for check in chosen(options):
            print(f"{check.name}: {check.claim}")
        return 0
    if not options.endpoint or not options.image:
        sys.exit("conformance/cri/run: name an engine's socket with --endpoint and an image with --image")
    return judge(options)


sys.exit(main())

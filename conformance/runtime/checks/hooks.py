# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The property hooks: six kinds, their order, place, input and failures."""

import json
import os

from suite import facts
from suite.container import until
from suite.expect import contains, equal, lacks, that
from suite.registry import check

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
OUTSIDE = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")


def saved(case, name):
    """What a hook wrote into the case's folder."""
    return facts.read(case.path(name))


@check
def order_of_all_kinds(case):
    """hooks: prestart, createRuntime, createContainer, startContainer, program, poststart, poststop (config.md, POSIX hooks)."""
    shared = case.directory("shared")
    configuration = case.config().bind(shared, shared).shell(f"echo program >>{shared}/log; sleep 1000")
    for kind in reversed(KINDS):
        for number in (1, 2):
            configuration.hook(kind, f"echo {kind}{number} >>{shared}/log")
    container = case.container(configuration).create()
    before = [f"{kind}{number}" for kind in KINDS[:3] for number in (1, 2)]
    equal(saved(case, "shared/log").split(), before)
    container.start()
    # The program and poststart run beside each other.
    until(lambda: "program" in saved(case, "shared/log"), "the program runs")
    after = saved(case, "shared/log").split()[len(before):]
    equal([line for line in after if line != "program"], [f"{kind}{n}" for kind in KINDS[3:5] for n in (1, 2)])
    that(after.index("startContainer2") < after.index("program"), after)
    container.delete("--force")
    equal(saved(case, "shared/log").split()[-2:], ["poststop1", "poststop2"])


@check
def state_is_on_standard_input(case):
    """hooks: the state is passed on stdin: id, pid, bundle, annotations, status (config.md, POSIX hooks)."""
    configuration = case.config("/probe", "wait")
    configuration["annotations"] = {"org.example": "value"}
    for kind in OUTSIDE:
        configuration.hook(kind, f"cat >{case.folder}/{kind}.json")
    container = case.container(configuration).up()
    pid = container.pid
    container.delete("--force")
    for kind in OUTSIDE:
        state = json.loads(saved(case, f"{kind}.json") or "{}")
        equal(state.get("id"), container.id, kind)
        equal(os.path.realpath(state["bundle"]), os.path.realpath(container.bundle), kind)
        equal(state.get("annotations", {}).get("org.example"), "value", kind)
        that("ociVersion" in state, f"{kind}: no ociVersion")
        if kind != "poststop":
            # As seen from where the hook runs.
            equal(state.get("pid"), 1 if kind == "createContainer" else pid, kind)


@check
def statuses_of_the_hooks(case):
    """hooks: status `creating` before create ends, `running` in poststart, `stopped` in poststop (runtime.md, State)."""
    configuration = case.config("/probe", "wait")
    for kind in OUTSIDE:
        configuration.hook(kind, f"cat >{case.folder}/{kind}.json")
    case.container(configuration).up().delete("--force")
    found = {kind: json.loads(saved(case, f"{kind}.json"))["status"] for kind in OUTSIDE}
    equal(found, {"prestart": "creating", "createRuntime": "creating", "createContainer": "creating",
                  "poststart": "running", "poststop": "stopped"})


@check
def status_in_start_container(case):
    """hooks.startContainer: its state says `created` (runtime.md, Lifecycle; State)."""
    configuration = case.config("/bin/true")
    configuration["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "cat"]}]}
    container = case.container(configuration).up().stopped()
    shared = container.output()
    if shared:
        equal(json.loads(shared)["status"], "created")


@check
def namespaces_of_the_hooks(case):
    """hooks: of the runtime for prestart, createRuntime, poststart, poststop; of the container for the others (config.md)."""
    configuration = case.config("/probe", "wait").bind(case.directory("out"), case.folder + "/out")
    for kind in KINDS:
        configuration.hook(kind, f"(readlink /proc/self/ns/mnt; readlink /proc/self/ns/uts) >{case.folder}/out/{kind}")
    container = case.container(configuration).up()
    inside = os.readlink(f"/proc/{container.pid}/ns/mnt")
    uts = os.readlink(f"/proc/{container.pid}/ns/uts")
    container.delete("--force")
    own = os.readlink("/proc/self/ns/mnt")
    found = {kind: saved(case, f"out/{kind}").split() for kind in KINDS}
    equal({kind: words[0] for kind, words in found.items()},
          {kind: inside if kind in ("createContainer", "startContainer") else own for kind in KINDS})
    equal(found["startContainer"][1], uts)


@check
def create_container_sees_the_host(case):
    """hooks.createContainer: its path is of the runtime namespace, startContainer's of the container (config.md)."""
    host = case.path("hook", f"#!/bin/sh\necho ran >{case.folder}/ran\n", 0o755)
    configuration = case.config("/bin/true")
    configuration["hooks"] = {"createContainer": [{"path": host}]}
    case.container(configuration).create()
    equal(saved(case, "ran"), "ran\n")
    configuration = case.config("/bin/true")
    configuration["hooks"] = {"startContainer": [{"path": "/probe", "args": ["probe", "exit", "0"]}]}
    outcome = case.container(configuration).run()
    equal(outcome.status, 0, str(outcome))


@check
def create_runtime_sees_the_namespaces(case):
    """hooks.createRuntime: the namespaces of `pid` are the container's already (runtime.md, Lifecycle 3)."""
    script = f"pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/'); readlink /proc/$pid/ns/net >{case.folder}/net"
    container = case.container(case.config("/probe", "wait").namespace("network").hook("createRuntime", script)).create()
    equal(saved(case, "net").strip(), os.readlink(f"/proc/{container.pid}/ns/net"))


@check
def environment_is_that_of_the_hook(case):
    """hooks[].env, args: as given; nothing of the runtime's (config.md, POSIX hooks)."""
    os.environ["SKIFF_LEAK"] = "leaked"
    configuration = case.config("/bin/true")
    configuration.hook("createRuntime", f"echo \"$0 $1\" >{case.folder}/words; /usr/bin/env >{case.folder}/env", "zero", "one",
                       env=["ONE=1", "PATH=/bin:/usr/bin"])
    case.container(configuration).create()
    equal(saved(case, "words"), "zero one\n")
    found = saved(case, "env").split()
    contains(found, "ONE=1")
    that(not any(line.startswith("SKIFF_LEAK") for line in found), found)


@check
def no_environment_is_an_empty_one(case):
    """hooks[].env: without it nothing of the runtime's environment is passed (config.md, POSIX hooks)."""
    os.environ["SKIFF_LEAK"] = "leaked"
    case.container(case.config("/bin/true").hook("createRuntime", f"/usr/bin/env >{case.folder}/env")).create()
    lacks(saved(case, "env"), "SKIFF_LEAK")


def failing(case, kind, script="exit 3", **more):
    """The outcome of create or run where a hook fails."""
    configuration = case.config("/probe", "wait").hook(kind, script, **more)
    configuration.hook("poststop", f"echo ran >>{case.folder}/poststop")
    return case.container(configuration)


@check
def failures_before_create_ends(case):
    """hooks: a failing prestart, createRuntime or createContainer fails create, and the container is gone (runtime.md)."""
    for kind in KINDS[:3]:
        container = failing(case, kind)
        outcome = container.try_create()
        that(outcome.status > 0, f"{kind}: accepted")
        contains(outcome.message, "hook")
        that(not container.exists(), f"{kind}: the container exists")
    case.nothing_left()


@check
def failures_run_poststop(case):
    """hooks: after a failing createRuntime hook the lifecycle goes on at poststop (runtime.md, Lifecycle 4, 12)."""
    failing(case, "createRuntime").try_create()
    equal(saved(case, "poststop"), "ran\n")


@check
def failure_of_start_container(case):
    """hooks.startContainer: a failure means that the program does not run (runtime.md, Lifecycle 8)."""
    configuration = case.config().shell("echo program")
    configuration["hooks"] = {"startContainer": [{"path": "/bin/false"}]}
    container = case.container(configuration).create()
    container.try_start()
    container.stopped()
    lacks(container.output(), "program")


@check
def failure_of_poststart(case):
    """hooks.poststart: a failure is an error of start, and the container ends (runtime.md, Lifecycle 10, since 1.3)."""
    container = failing(case, "poststart").create()
    outcome = container.try_start()
    that(outcome.status > 0 and "hook" in outcome.message, f"accepted: {outcome}")
    if container.exists():
        container.stopped()


@check
def failure_of_poststop(case):
    """hooks.poststop: a failure is a warning; the other hooks run and delete succeeds (runtime.md, Lifecycle 13)."""
    container = failing(case, "poststop").up()
    container.kill("KILL").stopped()
    outcome = container.try_delete()
    equal(outcome.status, 0, str(outcome))
    equal(saved(case, "poststop"), "ran\n")
    that(not container.exists(), "the container exists")


@check
def timeouts_end_a_hook(case):
    """hooks[].timeout: a hook that takes longer is ended and fails (config.md, POSIX hooks)."""
    container = failing(case, "createRuntime", "exec sleep 1000", timeout=1)
    outcome = container.try_create()
    that(outcome.status > 0 and outcome.message, "accepted")
    case.nothing_left()


@check
def a_timeout_must_be_positive(case):
    """hooks[].timeout: greater than zero if it is set (config.md, POSIX hooks)."""
    for timeout in (0, -1):
        case.refused(case.config("/bin/true").hook("createRuntime", "true", timeout=timeout), "timeout")


@check
def a_missing_hook_is_an_error(case):
    """hooks[].path: a program that is not there fails (config.md, POSIX hooks)."""
    configuration = case.config()
    configuration["hooks"] = {"createRuntime": [{"path": "/no/such/hook"}]}
    case.refused(configuration, "no such file")


@check
def a_relative_hook_is_refused(case):
    """hooks[].path: MUST be absolute (config.md, POSIX hooks)."""
    configuration = case.config()
    configuration["hooks"] = {"createRuntime": [{"path": "bin/true"}]}
    case.refused(configuration)


@check
def a_hook_need_not_read(case):
    """hooks: one that ends without reading its stdin is no failure (config.md, POSIX hooks)."""
    configuration = case.config("/bin/true")
    configuration["annotations"] = {f"org.example.{number}": "x" * 1000 for number in range(200)}
    for kind in KINDS[:3]:
        configuration.hook(kind, "exec <&-; exit 0")
    equal(case.container(configuration).run().status, 0)

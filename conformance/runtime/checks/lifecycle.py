# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Create, start, state, kill, delete: the operations and the states between them."""

import json
import os
import re

from suite.container import until
from suite.expect import contains, equal, lacks, that
from suite.registry import check


@check
def create_makes_a_created_container(case):
    """Create: after it the status is `created` and the program has not run (runtime.md, Lifecycle 2-6, State)."""
    container = case.container(case.config().shell("echo ran")).create()
    equal(container.status, "created")
    equal(container.output(), "")


@check
def start_runs_the_program(case):
    """Start: it runs the user-specified program, once (runtime.md, Start)."""
    container = case.container(case.config().shell("echo ran")).up().stopped()
    equal(container.output(), "ran\n")


@check
def statuses_follow_each_other(case):
    """State: created, running, stopped, in this order (runtime.md, State)."""
    container = case.container().create()
    equal(container.status, "created")
    container.start().wrote("waiting")
    equal(container.status, "running")
    container.kill("TERM").stopped()


@check
def state_has_every_field(case):
    """State: ociVersion, id, status, pid, bundle, and annotations (runtime.md, State)."""
    configuration = case.config("/probe", "wait")
    configuration["annotations"] = {"org.example.one": "1", "org.example.two": ""}
    container = case.up(configuration)
    state = container.state()
    that(re.fullmatch(r"1\.\d+\.\d+(-.*)?", state["ociVersion"]), f"ociVersion {state['ociVersion']!r}")
    equal(state["id"], container.id)
    equal(os.path.realpath(state["bundle"]), os.path.realpath(container.bundle))
    for name, value in configuration["annotations"].items():
        equal(state.get("annotations", {}).get(name), value, name)
    that(state["pid"] > 0 and os.path.exists(f"/proc/{state['pid']}"), f"pid {state['pid']!r}")


@check
def state_pid_is_the_program(case):
    """State: `pid` is the container's process, as the host sees it (runtime.md, State)."""
    container = case.up()
    with open(f"/proc/{container.pid}/cmdline", encoding="utf-8") as file:
        equal(file.read(), "/probe\0wait\0")


@check
def state_bundle_is_absolute(case):
    """State: `bundle` is the absolute path of the bundle, whatever create was given (runtime.md, State)."""
    container = case.container()
    with open(container.output_path, "wb") as output:
        container.must("create", "--bundle", os.path.basename(container.bundle), container.id, cwd=case.folder, out=output)
    equal(os.path.realpath(container.state()["bundle"]), os.path.realpath(container.bundle))
    that(container.state()["bundle"].startswith("/"), "it is relative")


@check
def create_takes_the_working_directory(case):
    """Create: the bundle is the working directory where none is named (convention of runc and crun)."""
    container = case.container()
    with open(container.output_path, "wb") as output:
        container.must("create", container.id, cwd=container.bundle, out=output)
    equal(container.status, "created")


@check
def create_refuses_an_id_in_use(case):
    """Create: an ID that is not unique is an error, and the first container stays (runtime.md, Create)."""
    container = case.up()
    outcome = container.try_create()
    that(outcome.status > 0, f"accepted: {outcome}")
    contains(outcome.message, "exist")
    equal(container.status, "running")


@check
def create_fixes_the_configuration(case):
    """Create: changes of config.json after it have no effect on the container (runtime.md, Create)."""
    container = case.container(case.config().shell("echo old")).create()
    changed = case.config().shell("echo new")
    with open(f"{container.bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(changed, file)
    container.start().stopped()
    equal(container.output(), "old\n")


@check
def start_needs_a_container(case):
    """Start: an ID that does not exist is an error (runtime.md, Start)."""
    refuses_the_missing(case, "start")


@check
def state_needs_a_container(case):
    """State: an ID that does not exist is an error (runtime.md, Query State)."""
    refuses_the_missing(case, "state")


@check
def kill_needs_a_container(case):
    """Kill: an ID that does not exist is an error (runtime.md, Kill)."""
    refuses_the_missing(case, "kill")


@check
def delete_needs_a_container(case):
    """Delete: an ID that does not exist is an error (runtime.md, Delete)."""
    refuses_the_missing(case, "delete")


def refuses_the_missing(case, command):
    """A command on no container: engines look for these words."""
    outcome = case.runtime.command(command, "no-such-container", root=case.state)
    that(outcome.status > 0, f"accepted: {outcome}")
    that("does not exist" in outcome.message or "No such file" in outcome.message, f"message: {outcome.message}")


@check
def delete_by_force_accepts_the_missing(case):
    """Delete --force: no container is what was asked for (convention of runc and crun)."""
    outcome = case.runtime.command("delete", "--force", "no-such-container", root=case.state)
    equal(outcome.status, 0, str(outcome))


@check
def start_refuses_a_running_container(case):
    """Start: a container that is not `created` is an error and stays as it is (runtime.md, Start)."""
    container = case.up()
    outcome = container.try_start()
    that(outcome.status > 0 and outcome.message, f"accepted: {outcome}")
    equal(container.status, "running")


@check
def start_refuses_a_stopped_container(case):
    """Start: a container that is not `created` is an error (runtime.md, Start)."""
    container = case.container(case.config("/bin/true")).up().stopped()
    outcome = container.try_start()
    that(outcome.status > 0 and outcome.message, f"accepted: {outcome}")
    equal(container.status, "stopped")


@check
def kill_sends_the_signal(case):
    """Kill: the signal reaches the container's process (runtime.md, Kill)."""
    script = "trap 'echo one' USR1; trap 'echo term; exit' TERM; echo ready; while :; do sleep 0.01; done"
    container = case.up(case.config().shell(script)).wrote("ready")
    container.kill("USR1").wrote("one")
    equal(container.status, "running")
    container.kill("TERM").wrote("term").stopped()


@check
def kill_knows_every_spelling(case):
    """Kill: signals by name, with and without SIG, and by number (convention of runc and crun)."""
    script = "trap 'echo got' USR1; echo ready; while :; do sleep 0.01; done"
    container = case.up(case.config().shell(script)).wrote("ready")
    for count, signal in enumerate(("USR1", "SIGUSR1", "10"), 1):
        container.kill(signal)
        until(lambda: container.output().count("got") == count, f"signal {signal!r} arrives")


@check
def kill_ends_with_term_by_default(case):
    """Kill: TERM where no signal is named (convention of runc and crun)."""
    container = case.up()
    container.must("kill", container.id)
    container.stopped()


@check
def kill_refuses_an_unknown_signal(case):
    """Kill: a signal that does not exist is an error that has no effect (runtime.md, Kill)."""
    container = case.up()
    for name in ("FOO", "SIGFOO", "65", "-1", "1x"):
        outcome = container.command("kill", container.id, "--", name) if name == "-1" else container.try_kill(name)
        that(outcome.status != 0, f"accepted {name}: {outcome}")
    equal(container.status, "running")


@check
def kill_works_on_a_created_container(case):
    """Kill: a container that is `created` can be killed (runtime.md, Kill)."""
    case.container().create().kill("KILL").stopped()


@check
def kill_refuses_a_stopped_container(case):
    """Kill: a container neither `created` nor `running` is an error (runtime.md, Kill)."""
    container = case.container(case.config("/bin/true")).up().stopped()
    outcome = container.try_kill("TERM")
    that(outcome.status > 0 and outcome.message, f"accepted: {outcome}")


@check
def kill_of_zero_has_no_effect(case):
    """Kill: signal 0 only asks whether the process is there (kill(2))."""
    container = case.up()
    if container.try_kill("0").status == 0:
        equal(container.status, "running")


@check
def kill_all_reaches_every_process(case):
    """Kill --all: every process of a container without a PID namespace of its own (convention of runc and crun)."""
    configuration = case.config().without_namespace("pid").shell(
        "(trap '' TERM; while :; do sleep 1; done) & echo ready; wait")
    container = case.up(configuration).wrote("ready")
    container.kill("KILL", "--all")
    container.stopped()


@check
def delete_refuses_a_running_container(case):
    """Delete: a container that is not stopped is an error and stays as it is (runtime.md, Delete)."""
    container = case.up()
    outcome = container.try_delete()
    that(outcome.status > 0 and outcome.message, f"accepted: {outcome}")
    equal(container.status, "running")


@check
def delete_refuses_a_created_container(case):
    """Delete: a container that is not stopped is an error and stays as it is (runtime.md, Delete)."""
    container = case.container().create()
    outcome = container.try_delete()
    that(outcome.status > 0, f"accepted: {outcome}")
    equal(container.status, "created")


@check
def delete_makes_the_id_free(case):
    """Delete: the ID may be used again (runtime.md, Delete)."""
    container = case.container(case.config("/bin/true"))
    for _ in range(3):
        container.up().stopped().delete()
        that(not container.exists(), "it still exists")


@check
def delete_by_force_kills(case):
    """Delete --force: ends a container in any state first (convention of runc and crun)."""
    for up in (True, False):
        container = case.container(case.config("/probe", "wait")).create()
        if up:
            container.start()
        pid = container.pid
        container.delete("--force")
        that(not container.exists(), "it still exists")
        that(not alive(pid), "its process lives")


def alive(pid):
    """Whether a process runs."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@check
def delete_leaves_the_bundle(case):
    """Delete: only what create made is deleted; the bundle is the caller's (runtime.md, Delete)."""
    container = case.container(case.config("/bin/true")).up().stopped()
    container.delete()
    that(os.path.exists(f"{container.bundle}/config.json"), "config.json is gone")
    that(os.path.exists(f"{container.bundle}/rootfs/bin/sh"), "the root filesystem is gone")


@check
def ids_of_every_form(case):
    """Create: IDs of letters, digits and `_+-.` (convention of runc and crun)."""
    for id in ("a", "0", "A-b_c.d+e", "x" * 100):
        container = case.container(case.config("/bin/true"), id=id).create()
        equal(container.state()["id"], id)
        container.delete("--force")


@check
def ids_that_are_paths_are_refused(case):
    """Create: an ID never names a path outside of the runtime's directory (CVE-class: path traversal)."""
    for id in ("", ".", "..", "a/b", "../x", "a b", "ä", "a\nb", "/x"):
        container = case.container(case.config("/bin/true"), id=f"unused{len(case.containers)}")
        with open(container.output_path, "wb") as output:
            outcome = container.command("create", "--bundle", container.bundle, id, out=output)
        that(outcome.status > 0 and outcome.message, f"accepted {id!r}: {outcome}")
        equal(os.listdir(case.state), [name for name in os.listdir(case.state) if name.startswith(".")])


@check
def created_time_is_in_the_state(case):
    """State: `created` is when the container was made, RFC 3339 (convention of runc and crun)."""
    state = case.container().create().state()
    that(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", state["created"]), state["created"])
    lacks(state["created"], "0001-01-01")

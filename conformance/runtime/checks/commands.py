# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The command line around the lifecycle: pid files, run, list, ps, pause, features, logs."""

import json
import os
import re

from suite.container import until
from suite.expect import contains, equal, that
from suite.registry import check


@check
def pid_file_holds_the_pid(case):
    """Create --pid-file: the container's pid, as in the state, without a newline (convention of runc and crun)."""
    path = case.path("pid")
    container = case.container().create("--pid-file", path)
    with open(path, encoding="utf-8") as file:
        equal(file.read(), str(container.pid))


@check
def pid_file_is_relative_to_the_caller(case):
    """Create --pid-file: relative to the caller's directory, not to the bundle (convention of runc)."""
    container = case.container()
    with open(container.output_path, "wb") as output:
        container.must("create", "--bundle", container.bundle, "--pid-file", "pid", container.id, cwd=case.folder, out=output)
    that(os.path.exists(case.path("pid")), "it is not in the caller's directory")


@check
def pid_file_that_cannot_be_written_is_an_error(case):
    """Create --pid-file: an error leaves no container behind (runtime.md, Errors)."""
    container = case.container()
    outcome = container.try_create("--pid-file", case.path("no/such/pid"))
    that(outcome.status > 0 and outcome.message, f"accepted: {outcome}")
    that(not container.exists(), "the container exists")
    case.nothing_left()


@check
def run_returns_the_exit_status(case):
    """Run: its status is that of the program, 128+N for a signal (convention of runc and crun)."""
    for status in (0, 1, 42, 255):
        equal(case.container(case.config("/probe", "exit", str(status))).run().status, status)
    equal(case.container(case.config().without_namespace("pid").shell("kill -9 $$")).run().status, 137)


@check
def run_deletes_the_container(case):
    """Run: in the foreground nothing stays (convention of runc and crun)."""
    container = case.container(case.config("/bin/true"))
    equal(container.run().status, 0)
    that(not container.exists(), "it still exists")
    case.nothing_left()


@check
def run_detached_leaves_a_running_container(case):
    """Run --detach: ends while the container runs (convention of runc and crun)."""
    container = case.container()
    with open(container.output_path, "wb") as output:
        container.must("run", "--detach", "--bundle", container.bundle, container.id, out=output)
    container.wrote("waiting")
    equal(container.status, "running")


@check
def run_forwards_signals(case):
    """Run: what is sent to the runtime in the foreground reaches the program (convention of runc and crun)."""
    script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"
    container = case.container(case.config().shell(script))
    with open(container.output_path, "wb") as output:
        process = case.runtime.begin("run", "--bundle", container.bundle, container.id, root=case.state, out=output)
    container.wrote("ready")
    process.terminate()
    equal(process.wait(case.patience), 7)


@check
def list_names_every_container(case):
    """List: every container with its status, as a table, as JSON and as bare IDs (convention of runc and crun)."""
    first, second = case.up(), case.container().create()
    table = first.must("list").out
    for container, status in ((first, "running"), (second, "created")):
        that(re.search(rf"{container.id}\s.*{status}", table), table)
    listed = {entry["id"]: entry for entry in json.loads(first.must("list", "--format", "json").out)}
    equal(listed[first.id]["pid"], first.pid)
    equal(listed[second.id]["status"], "created")
    equal(sorted(first.must("list", "--quiet").out.split()), sorted([first.id, second.id]))


@check
def list_of_nothing_is_no_error(case):
    """List: no containers are an empty list (convention of runc and crun)."""
    outcome = case.runtime.command("list", "--quiet", root=case.state)
    equal((outcome.status, outcome.out), (0, ""))
    that(not json.loads(case.runtime.command("list", "--format", "json", root=case.state).out), "something is listed")


@check
def ps_names_the_processes(case):
    """Ps: the processes of the container by their pids on the host (convention of runc and crun)."""
    container = case.up(case.config().shell("sleep 1000 & echo ready; wait")).wrote("ready")
    pids = json.loads(container.must("ps", "--format", "json", container.id).out)
    contains(pids, container.pid)
    until(lambda: len(json.loads(container.must("ps", "--format", "json", container.id).out)) == 2, "two processes")


@check
def pause_and_resume(case):
    """Pause: no process runs on, the status is `paused`; resume is the way back (convention of runc and crun)."""
    container = case.up(case.config().shell("while :; do echo tick; sleep 0.01; done")).wrote("tick")
    container.must("pause", container.id)
    equal(container.status, "paused")
    before = container.output()
    until(lambda: True, "time passes")
    equal(container.output(), before)
    container.must("resume", container.id)
    equal(container.status, "running")
    until(lambda: len(container.output()) > len(before), "it goes on")


@check
def delete_by_force_ends_a_paused_container(case):
    """Delete --force: also of a container that is frozen (convention of runc and crun)."""
    container = case.up()
    container.must("pause", container.id)
    container.delete("--force")
    that(not container.exists(), "it still exists")


@check
def version_and_features_are_told(case):
    """Features: versions, hooks, mount options and namespaces as in features.md; --version names the specification."""
    contains(case.runtime.command("--version").out, "spec: 1.")
    outcome = case.runtime.command("features")
    equal(outcome.status, 0, str(outcome))
    features = json.loads(outcome.out)
    for name in ("ociVersionMin", "ociVersionMax"):
        that(re.fullmatch(r"1\.\d+\.\d+(-.*)?", features[name]), f"{name} {features[name]!r}")
    equal(set(features["hooks"]), {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"})
    for option in ("bind", "ro", "rro", "nosuid", "tmpcopyup"):
        contains(features["mountOptions"], option)
    for kind in ("cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"):
        contains(features["linux"]["namespaces"], kind)


@check
def spec_writes_a_configuration_that_works(case):
    """Spec: a template that the runtime itself accepts (convention of runc and crun)."""
    container = case.container()
    os.unlink(f"{container.bundle}/config.json")
    container.must("spec", "--bundle", container.bundle)
    with open(f"{container.bundle}/config.json", encoding="utf-8") as file:
        template = json.load(file)
    template["process"] |= {"terminal": False, "args": ["/bin/echo", "made"]}
    template["linux"]["cgroupsPath"] = container.configuration.linux["cgroupsPath"]
    with open(f"{container.bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(template, file)
    outcome = container.run()
    equal((outcome.status, outcome.out), (0, "made\n"), outcome.err)


@check
def log_file_has_the_error(case):
    """--log with --log-format json: records with level, msg and time, as containerd reads them (convention of runc)."""
    path = case.path("log.json")
    container = case.container(case.config("/no/such"))
    outcome = case.runtime.command("--log", path, "--log-format", "json", "create", "--bundle", container.bundle,
                                   container.id, root=case.state)
    that(outcome.status > 0, "accepted")
    with open(path, encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    errors = [record for record in records if record["level"] == "error"]
    that(errors and "no such file" in errors[-1]["msg"].lower(), f"records {records}")
    that(re.match(r"\d{4}-\d\d-\d\dT", errors[-1]["time"]), "time")
    that(outcome.err.strip(), "nothing on standard error")


@check
def unknown_words_are_refused(case):
    """A command or an option that does not exist is an error with a message (runtime.md, Errors)."""
    for words in (["frobnicate"], ["state"], ["state", "--frobnicate", "x"], ["create", "--bundle"]):
        outcome = case.runtime.command(*words, root=case.state)
        that(outcome.status > 0 and outcome.message, f"accepted: {outcome}")

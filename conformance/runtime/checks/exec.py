# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Exec: one more process in a container. The specification leaves it to runtimes; runc and crun agree on what is here."""

import json
import os
import subprocess

from suite import facts
from suite.case import parse
from suite.container import until
from suite.expect import contains, equal, that
from suite.registry import check


def found(container, *options):
    """The probe's report of an exec."""
    outcome = container.exec("/probe", "report", options=options)
    that(outcome.status == 0, str(outcome))
    return parse(outcome.out)


@check
def status_is_that_of_the_process(case):
    """Exec: its status is that of the process, 128+N for a signal (convention of runc and crun)."""
    container = case.up()
    for status in (0, 3, 255):
        equal(container.exec("/probe", "exit", str(status)).status, status)
    equal(container.exec("/bin/sh", "-c", "kill -9 $$").status, 137)


@check
def streams_are_those_of_the_caller(case):
    """Exec: standard input, output and error (convention of runc and crun)."""
    outcome = case.up().command("exec", case.containers[0].id, "/bin/sh", "-c", "cat; echo err >&2", input="in")
    equal((outcome.out, outcome.err), ("in", "err\n"))


@check
def process_is_that_of_the_container(case):
    """Exec: user, environment, directory and capabilities of config.json by default (convention of runc and crun)."""
    configuration = case.config("/probe", "wait").capabilities("CAP_KILL")
    configuration.process.update(cwd="/usr", env=["PATH=/bin", "ONE=1"])
    configuration.process["user"] = {"uid": 0, "gid": 5}
    report = found(case.up(configuration))
    equal((report["cwd"], report["env.ONE"], report["gid"]), ("/usr", "1", "5 5 5"))
    equal(int(report["effective"], 16), facts.capability_mask("KILL"))
    equal((report["nonewprivs"], report["fds"].strip()), ("1", "0 1 2"))


@check
def flags_change_the_process(case):
    """Exec: --cwd, --env, --user (convention of runc and crun)."""
    report = found(case.up(), "--cwd", "/usr/bin", "--env", "ONE=1", "--env", "TWO=2", "--user", "1000:1001")
    equal((report["cwd"], report["env.ONE"], report["env.TWO"]), ("/usr/bin", "1", "2"))
    equal((report["uid"], report["gid"]), ("1000 1000 1000", "1001 1001 1001"))


@check
def capabilities_are_added(case):
    """Exec --cap: more capabilities than the container's process has (convention of runc and crun)."""
    container = case.up(case.config("/probe", "wait").capabilities("CAP_KILL"))
    report = found(container, "--cap", "CAP_NET_RAW")
    equal(int(report["effective"], 16), facts.capability_mask("KILL", "NET_RAW"))


@check
def no_new_privileges_can_be_set(case):
    """Exec --no-new-privs (convention of runc and crun)."""
    configuration = case.config("/probe", "wait")
    configuration.process["noNewPrivileges"] = False
    container = case.up(configuration)
    equal([found(container, *options)["nonewprivs"] for options in ((), ("--no-new-privs",))], ["0", "1"])


@check
def process_of_a_file(case):
    """Exec --process: a `process` of config.json (convention of runc and crun)."""
    container = case.up()
    process = case.config("/probe", "report", "more words").process
    process |= {"cwd": "/tmp", "env": ["A=b"], "user": {"uid": 3, "gid": 4, "additionalGids": [7]},
                "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 78}]}
    outcome = container.must("exec", "--process", case.path("process", json.dumps(process)), container.id)
    report = parse(outcome.out)
    equal((report["arg2"], report["cwd"], report["env.A"], report["uid"], report["groups"], report["rlimit7"]),
          ("more words", "/tmp", "b", "3 3 3", "7", "77 78"))


@check
def cgroup_is_that_of_the_container(case):
    """Exec: the process is in the container's cgroups (convention of runc and crun)."""
    container = case.up()
    pid_file = case.path("pid")
    container.must("exec", "--detach", "--pid-file", pid_file, container.id, "/probe", "wait")
    pid = int(facts.read(pid_file))
    equal(facts.read(f"/proc/{pid}/cgroup"), facts.read(f"/proc/{container.pid}/cgroup"))


@check
def detached_goes_on(case):
    """Exec --detach: ends while the process runs; --pid-file has its pid (convention of runc and crun)."""
    container = case.up()
    pid_file = case.path("pid")
    container.must("exec", "--detach", "--pid-file", pid_file, container.id, "/bin/sleep", "1000")
    contains(facts.read(f"/proc/{facts.read(pid_file)}/cmdline"), "sleep")
    contains(json.loads(container.must("ps", "--format", "json", container.id).out), int(facts.read(pid_file)))


@check
def it_ends_with_the_container(case):
    """Exec: every process ends with the first one of its PID namespace (pid_namespaces(7))."""
    container = case.up()
    pid_file = case.path("pid")
    container.must("exec", "--detach", "--pid-file", pid_file, container.id, "/bin/sleep", "1000")
    pid = int(facts.read(pid_file))
    container.kill("KILL").stopped()
    until(lambda: "sleep" not in facts.read(f"/proc/{pid}/cmdline"), "it ends", case.patience)


@check
def missing_programs_are_errors(case):
    """Exec: a program that is not there is an error with the words that engines look for (convention of runc)."""
    container = case.up()
    outcome = container.exec("/no/such")
    that(outcome.status > 0 and "no such file or directory" in outcome.message.lower(), str(outcome))
    outcome = container.exec("nosuch")
    that(outcome.status > 0 and "executable file" in outcome.message and "not found" in outcome.message, str(outcome))
    outcome = container.exec("/etc/passwd")
    that(outcome.status > 0 and "permission denied" in outcome.message.lower(), str(outcome))


@check
def bad_requests_are_errors(case):
    """Exec: a directory that is not there, an empty command, a bad process file (convention of runc and crun)."""
    container = case.up()
    tries = (("exec", "--cwd", "/no/such", container.id, "/bin/true"), ("exec", container.id), ("exec",),
             ("exec", "--process", case.path("broken", "{"), container.id),
             ("exec", "--user", "nobody-here", container.id, "/bin/true"),
             ("exec", "--cap", "CAP_FLY", container.id, "/probe", "exit", "77"))
    for words in tries:
        outcome = container.command(*words)
        that(outcome.status != 0 and outcome.message or outcome.status == 77, f"accepted: {outcome}")
    equal(container.status, "running")


@check
def stopped_containers_are_refused(case):
    """Exec: only in a container that runs (convention of runc and crun)."""
    container = case.container(case.config("/bin/true")).up().stopped()
    outcome = container.exec("/bin/true")
    that(outcome.status > 0 and outcome.message, f"accepted: {outcome}")


@check
def paused_containers_are_refused(case):
    """Exec: not in a paused container, where it would hang (convention of runc and crun)."""
    container = case.up()
    container.must("pause", container.id)
    outcome = container.exec("/bin/true", patience=10)
    that(outcome.status > 0 and "paused" in outcome.message, str(outcome))
    container.must("resume", container.id)


@check
def created_containers_are_entered(case):
    """Exec: also in a container that is created but not started (convention of runc)."""
    container = case.container().create()
    equal(container.exec("/probe", "exit", "5").status, 5)


@check
def links_to_descriptors_lead_nowhere(case):
    """Exec --cwd: a path through /proc/self/fd does not reach the host (CVE-2024-21626)."""
    container = case.up()
    descriptor = os.open("/", os.O_RDONLY)
    try:
        for number in range(3, 12):
            outcome = container.exec("/bin/ls", "-d", "../../../../../work", "../../../../../boot",
                                     options=("--cwd", f"/proc/self/fd/{number}"), pass_fds=(descriptor,))
            that(outcome.status != 0, f"descriptor {number}: {outcome}")
    finally:
        os.close(descriptor)


@check
def the_runtime_cannot_be_written(case):
    """Exec of /proc/self/exe: a container cannot open the runtime for writing (CVE-2019-5736)."""
    container = case.up()
    before = os.stat(case.runtime.program)
    container.exec("/proc/self/exe", "--version")
    script = "for i in 1 2 3 4 5 6 7 8 9; do for e in /proc/[0-9]*/exe; do : >>$e; done; done 2>/dev/null"
    container.must("exec", "--detach", container.id, "/bin/sh", "-c", script)
    for _ in range(5):
        container.exec("/bin/true")
    after = os.stat(case.runtime.program)
    equal((after.st_size, after.st_mtime), (before.st_size, before.st_mtime))


@check
def limits_hold(case):
    """Exec: the process counts as one of the container's (config-linux.md, PIDs)."""
    container = case.up(case.config("/probe", "wait").resources(pids={"limit": 30}))
    outcome = container.exec("/probe", "forks", "60")
    that(int(outcome.out) < 30, outcome.out)


@check
def signals_are_forwarded(case):
    """Exec: what is sent to the runtime reaches the process (convention of runc and crun)."""
    container = case.up()
    with open(case.path("out"), "wb") as output:
        process = case.runtime.begin("exec", container.id, "/bin/sh", "-c",
                                     "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done", root=case.state, out=output)
    until(lambda: "ready" in facts.read(case.path("out")), "it runs", case.patience)
    process.terminate()
    try:
        equal(process.wait(case.patience), 9)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError("the signal did not arrive") from None

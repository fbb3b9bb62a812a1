# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""What create refuses: with a status, with a message, and with nothing left behind."""

import json
import os

from suite.expect import contains, equal, that
from suite.registry import check


@check
def broken_json(case):
    """config.json: MUST be valid JSON (config.md)."""
    for text in ("", "{", "[]", "null", "{\"ociVersion\": \"1.0.2\",}", "\0", "{\"ociVersion\": \"1.0.2\"} trailing"):
        outcome = case.refused(text)
        that(outcome.message, "no message")


@check
def broken_types(case):
    """config.json: a property of a wrong type is an error (config.md; schema)."""
    for path, value in (("process.args", "sh"), ("process.user.uid", "root"), ("process.user.uid", -1), ("mounts", {}),
                        ("linux.namespaces", [1]), ("root", "rootfs"), ("process.env", {"A": "b"}), ("hooks", []),
                        ("linux.resources", []), ("linux.seccomp", "default")):
        configuration = case.config()
        *folders, name = path.split(".")
        place = configuration
        for folder in folders:
            place = place[folder]
        place[name] = value
        container = case.container(configuration)
        outcome = container.try_create()
        that(outcome.status > 0 and outcome.message, f"{path}: {value!r} was accepted")


@check
def missing_bundle(case):
    """Create: the bundle MUST exist, and hold config.json (bundle.md)."""
    outcome = case.runtime.command("create", "--bundle", "/no/such/bundle", "x", root=case.state)
    that(outcome.status > 0, "accepted")
    contains(outcome.message.lower(), "no such file")
    container = case.container()
    os.unlink(f"{container.bundle}/config.json")
    outcome = container.try_create()
    that(outcome.status > 0, "accepted")
    contains(outcome.message, "config.json")


@check
def missing_process(case):
    """process: REQUIRED when start is called (config.md, Process)."""
    configuration = case.config()
    del configuration["process"]
    container = case.container(configuration)
    outcome = container.try_create()
    if outcome.status == 0:
        outcome = container.try_start()
    that(outcome.status > 0 and outcome.message, f"accepted: {outcome}")


@check
def missing_args(case):
    """process.args: REQUIRED on Linux, not empty (config.md, POSIX process)."""
    for args in (None, []):
        configuration = case.config()
        configuration.process["args"] = args
        case.refused(configuration, "args")


@check
def missing_cwd(case):
    """process.cwd: REQUIRED (config.md, Process)."""
    configuration = case.config()
    del configuration.process["cwd"]
    case.refused(configuration, "cwd")


@check
def missing_version(case):
    """ociVersion: REQUIRED, and one of this major version (config.md, Specification version)."""
    for version in ("", "2.0.0", "banana"):
        configuration = case.config()
        configuration["ociVersion"] = version
        case.refused(configuration, "version")


@check
def missing_destination(case):
    """mounts[].destination: REQUIRED (config.md, Mounts)."""
    configuration = case.config()
    configuration["mounts"].append({"type": "tmpfs", "source": "tmpfs"})
    case.refused(configuration)


@check
def missing_programs(case):
    """process.args: a program that is not there is an error of create, in the words engines look for (convention of runc)."""
    case.refused(case.config("/no/such"), "no such file or directory")
    case.refused(case.config("nosuch"), "executable file")
    case.refused(case.config("/etc/passwd"), "permission denied")


@check
def missing_directory(case):
    """process.cwd: made or refused where it is not there, never ignored (config.md, Process)."""
    configuration = case.config().shell("pwd")
    configuration.process["cwd"] = "/no/such/folder"
    container = case.container(configuration)
    outcome = container.run()
    that(outcome.status > 0 and outcome.message or outcome.out == "/no/such/folder\n", str(outcome))


@check
def a_file_as_directory(case):
    """process.cwd: a file there is an error (config.md, Process)."""
    configuration = case.config()
    configuration.process["cwd"] = "/etc/passwd"
    case.refused(configuration)


@check
def unknown_properties_are_ignored(case):
    """config.json: properties that the runtime does not know MUST be ignored (config.md, Extensibility)."""
    configuration = case.config("/bin/true")
    configuration["org.example"] = {"deep": [1, 2, {}]}
    configuration.process["unknown"] = True
    configuration.linux["unknown"] = "x"
    outcome = case.container(configuration).run()
    equal(outcome.status, 0, str(outcome))


@check
def other_platforms_are_ignored(case):
    """config.json: properties of other platforms do not matter on Linux (config.md, Platform)."""
    configuration = case.config("/bin/true")
    configuration["solaris"] = {"milestone": "svc:/milestone/container:default"}
    configuration["windows"] = {"layerFolders": ["c:\\layer"]}
    outcome = case.container(configuration).run()
    equal(outcome.status, 0, str(outcome))


@check
def annotations_are_free(case):
    """annotations: unknown keys MUST NOT be errors (config.md, Annotations)."""
    configuration = case.config("/bin/true")
    configuration["annotations"] = {"a": "", "com.example/key": "ä\n\"", "x" * 300: "y" * 5000}
    outcome = case.container(configuration).run()
    equal(outcome.status, 0, str(outcome))


@check
def large_configurations(case):
    """config.json: no limit of size that a real one meets (config.md)."""
    configuration = case.config("/probe", "report")
    configuration.process["env"] += [f"VARIABLE_{number}={'x' * 900}" for number in range(300)]
    configuration["annotations"] = {f"key{number}": "y" * 1000 for number in range(1000)}
    that(len(json.dumps(configuration)) > 10 ** 6, "too small")
    equal(case.report(configuration)["env.VARIABLE_299"], "x" * 900)


@check
def escapes_of_json(case):
    """config.json: strings with every escape of JSON, and outside of the basic plane (RFC 8259)."""
    words = ["/probe", "report", "\u00e9\u4e2d\U0001f600", "tab\there", "quote\"\\/", "\u0001"]
    found = case.report(case.config(*words))
    equal([found[f"arg{index}"] for index in range(2, 6)], words[2:])


@check
def a_failure_late_in_create(case):
    """Create: whatever fails last leaves no cgroup, mount, process or state behind (runtime.md, Create)."""
    configuration = case.config().namespace("network").namespace("cgroup").mount("/mnt", "tmpfs", "tmpfs")
    configuration.resources(pids={"limit": 10})
    configuration.process["cwd"] = "/etc/passwd"
    case.refused(configuration)

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The property linux.seccomp."""

import errno
import fcntl
import json
import os
import platform
import select
import struct

from suite import facts
from suite.expect import contains, equal, need, that
from suite.listener import Listener
from suite.registry import check

ALLOW, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"
ARCHITECTURES = {"x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "aarch64": ["SCMP_ARCH_AARCH64"]}


def profile(case, *rules, default=ALLOW, **more):
    """A configuration with rules for system calls."""
    configuration = case.config()
    configuration.linux["seccomp"] = {
        "defaultAction": default, "syscalls": list(rules),
        "architectures": ARCHITECTURES.get(platform.machine(), [])} | more
    return configuration


def rule(names, action, **more):
    """One entry of syscalls."""
    return {"names": names.split(), "action": action} | more


def call(case, configuration, *words):
    """What one system call returned under a profile."""
    return case.run(configuration.probe("call", *words)).strip()


@check
def a_filter_is_installed(case):
    """linux.seccomp: the program runs under a filter, and only if there is the property (config-linux.md, Seccomp)."""
    equal(case.report()["seccomp"], "0")
    equal(case.report(profile(case))["seccomp"], "2")


@check
def errno_is_eperm_by_default(case):
    """linux.seccomp.syscalls[].action: SCMP_ACT_ERRNO, EPERM by default (config-linux.md, Seccomp)."""
    equal(call(case, profile(case, rule("getpriority umask", ERRNO)), "umask", "0"), "EPERM")
    equal(call(case, profile(case, rule("getpriority", ERRNO)), "umask", "0"), "18")


@check
def errno_is_what_is_given(case):
    """linux.seccomp.syscalls[].errnoRet: the errno of SCMP_ACT_ERRNO (config-linux.md, Seccomp)."""
    equal(call(case, profile(case, rule("umask", ERRNO, errnoRet=errno.EXDEV)), "umask", "0"), "EXDEV")


@check
def errno_of_the_default(case):
    """linux.seccomp.defaultErrnoRet: the errno of defaultAction (config-linux.md, Seccomp)."""
    with open(os.path.join(os.path.dirname(__file__), "allowed-calls"), encoding="utf-8") as file:
        needed = " ".join(line for line in file if not line.startswith("#"))
    configuration = profile(case, rule(needed, ALLOW), default=ERRNO, defaultErrnoRet=errno.ENOTTY)
    equal(call(case, configuration, "getpriority", "0", "0"), "ENOTTY")


@check
def kill_ends_the_process(case):
    """linux.seccomp.syscalls[].action: SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL and SCMP_ACT_KILL_THREAD end with SIGSYS."""
    for action in ("SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD"):
        outcome = case.container(profile(case, rule("umask", action)).probe("call", "umask", "0")).run()
        equal(outcome.status, 128 + 31, action)


@check
def trap_sends_a_signal(case):
    """linux.seccomp.syscalls[].action: SCMP_ACT_TRAP sends SIGSYS (config-linux.md, Seccomp)."""
    outcome = case.container(profile(case, rule("umask", "SCMP_ACT_TRAP")).shell("/probe call umask 0; echo $?")).run()
    contains(outcome.out, "159", outcome.err)


@check
def trace_without_a_tracer(case):
    """linux.seccomp.syscalls[].action: SCMP_ACT_TRACE is ENOSYS where nobody traces (seccomp(2))."""
    equal(call(case, profile(case, rule("umask", "SCMP_ACT_TRACE")), "umask", "0"), "ENOSYS")


@check
def log_lets_through(case):
    """linux.seccomp.syscalls[].action: SCMP_ACT_LOG (config-linux.md, Seccomp)."""
    equal(call(case, profile(case, rule("umask", "SCMP_ACT_LOG")), "umask", "0"), "18")


@check
def arguments_are_compared(case):
    """linux.seccomp.syscalls[].args: each operator (config-linux.md, Seccomp)."""
    tries = (("SCMP_CMP_EQ", 7, 0, {"7": True, "8": False}), ("SCMP_CMP_NE", 7, 0, {"7": False, "8": True}),
             ("SCMP_CMP_LT", 7, 0, {"6": True, "7": False}), ("SCMP_CMP_LE", 7, 0, {"7": True, "8": False}),
             ("SCMP_CMP_GT", 7, 0, {"8": True, "7": False}), ("SCMP_CMP_GE", 7, 0, {"7": True, "6": False}),
             ("SCMP_CMP_MASKED_EQ", 12, 4, {"7": True, "0xd": False}))
    for operator, value, second, expected in tries:
        argument = {"index": 0, "value": value, "op": operator} | ({"valueTwo": second} if second else {})
        for given, matches in expected.items():
            found = call(case, profile(case, rule("umask", ERRNO, errnoRet=errno.EXDEV, args=[argument])), "umask", given)
            equal(found, "EXDEV" if matches else "18", f"{operator} {value} against {given}")


@check
def arguments_are_64_bits_wide(case):
    """linux.seccomp.syscalls[].args[].value: uint64 (config-linux.md, Seccomp)."""
    argument = {"index": 1, "value": 1 << 40 | 5, "op": "SCMP_CMP_EQ"}
    configuration = profile(case, rule("umask", ERRNO, errnoRet=errno.EXDEV, args=[argument]))
    equal(call(case, configuration, "umask", "0", str(1 << 40 | 5)), "EXDEV")
    equal(call(case, configuration, "umask", "0", "5"), "18")


@check
def conditions_of_one_rule_must_all_hold(case):
    """linux.seccomp.syscalls[].args: all of a rule, different arguments (config-linux.md, Seccomp)."""
    arguments = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]
    configuration = profile(case, rule("umask", ERRNO, errnoRet=errno.EXDEV, args=arguments))
    equal([call(case, configuration, "umask", *given) for given in (("1", "2"), ("1", "3"), ("0", "2"))],
          ["EXDEV", "18", "18"])


@check
def unknown_names_are_ignored(case):
    """linux.seccomp.syscalls[].names: those the kernel does not have are no error (convention of runc and crun)."""
    equal(call(case, profile(case, rule("no_such_call umask", ERRNO)), "umask", "0"), "EPERM")


@check
def an_unknown_action_is_refused(case):
    """linux.seccomp: a value that is not in the list is an error (config-linux.md, Seccomp)."""
    case.refused(profile(case, rule("umask", "SCMP_ACT_MAYBE")), "SCMP_ACT_MAYBE")
    case.refused(profile(case, default="SCMP_ACT_MAYBE"), "SCMP_ACT_MAYBE")


@check
def an_unknown_operator_is_refused(case):
    """linux.seccomp.syscalls[].args[].op: a value that is not in the list is an error (config-linux.md, Seccomp)."""
    argument = {"index": 0, "value": 1, "op": "SCMP_CMP_LIKE"}
    case.refused(profile(case, rule("umask", ERRNO, args=[argument])), "SCMP_CMP_LIKE", "operator")


@check
def an_unknown_architecture_is_refused(case):
    """linux.seccomp.architectures: a value that is not in the list is an error (config-linux.md, Seccomp)."""
    configuration = profile(case)
    configuration.linux["seccomp"]["architectures"] = ["SCMP_ARCH_PDP11"]
    case.refused(configuration, "PDP11", "arch")


@check
def flags_are_known(case):
    """linux.seccomp.flags: LOG, SPEC_ALLOW and TSYNC; another is an error (config-linux.md, Seccomp)."""
    for flag in ("SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"):
        equal(call(case, profile(case, rule("umask", ERRNO), flags=[flag]), "umask", "0"), "EPERM", flag)
    case.refused(profile(case, flags=["SECCOMP_FILTER_FLAG_BEST"]), "SECCOMP_FILTER_FLAG_BEST", "flag")


@check
def newer_calls_are_unknown_ones(case):
    """A call newer than all of the profile is ENOSYS, so that a libc falls back (convention of runc and crun)."""
    with open(os.path.join(os.path.dirname(__file__), "allowed-calls"), encoding="utf-8") as file:
        needed = " ".join(line for line in file if not line.startswith("#"))
    equal(call(case, profile(case, rule(needed, ALLOW), default=ERRNO), "1500"), "ENOSYS")


@check
def it_works_without_new_privileges(case):
    """linux.seccomp: with and without process.noNewPrivileges (config-linux.md, Seccomp)."""
    for flag in (True, False):
        configuration = profile(case, rule("umask", ERRNO))
        configuration.process["noNewPrivileges"] = flag
        equal(call(case, configuration, "umask", "0"), "EPERM")


@check
def it_holds_in_exec(case):
    """linux.seccomp: for every process of the container (config-linux.md, Seccomp)."""
    container = case.up(profile(case, rule("umask", ERRNO)).probe("wait"))
    equal(container.exec("/probe", "call", "umask", "0").out, "EPERM\n")


@check
def a_listener_decides(case):
    """linux.seccomp.listenerPath: SCMP_ACT_NOTIFY, the listener gets the state and the descriptor (config-linux.md)."""
    need(facts.kernel() >= (5, 9), "the kernel has no listeners that answer")
    listener = Listener(case.path("listener"), case.patience)
    case.cleanups.append(listener.close)
    configuration = profile(case, rule("getpriority", "SCMP_ACT_NOTIFY"), listenerPath=listener.path,
                            listenerMetadata="meta data")
    container = case.container(configuration.probe("call", "getpriority", "0", "0"))
    container.up()
    descriptor, = listener.received()
    state = json.loads(listener.data)
    equal((state["fds"], state["metadata"], state["state"]["id"]), (["seccompFd"], "meta data", container.id))
    that(state["pid"] > 0 and state["state"]["pid"] > 0, state)
    answer(descriptor, 77, case.patience)
    container.stopped()
    equal(container.output(), "77\n")


def answer(descriptor, value, patience):
    """Takes one notification of seccomp_unotify(2) and lets the call return `value`."""
    that(select.select([descriptor], [], [], patience)[0], "no notification came")
    request = bytearray(80)
    fcntl.ioctl(descriptor, 0xc0502100, request)
    fcntl.ioctl(descriptor, 0xc0182101, struct.pack("=QqiI", struct.unpack_from("=Q", request)[0], value, 0, 0))


@check
def a_listener_that_is_missing_is_an_error(case):
    """linux.seccomp.listenerPath: nobody there is an error (config-linux.md, Seccomp)."""
    container = case.container(profile(case, rule("getpriority", "SCMP_ACT_NOTIFY"), listenerPath=case.path("nowhere")))
    outcome = container.run()
    that(outcome.status > 0 and outcome.message, "accepted")


@check
def notify_needs_a_listener(case):
    """linux.seccomp: SCMP_ACT_NOTIFY without listenerPath is an error (config-linux.md, Seccomp)."""
    case.refused(profile(case, rule("getpriority", "SCMP_ACT_NOTIFY")), "listener", "notify")


@check
def a_relative_listener_is_refused(case):
    """linux.seccomp.listenerPath: MUST be absolute (config-linux.md, Seccomp)."""
    case.refused(profile(case, rule("getpriority", "SCMP_ACT_NOTIFY"), listenerPath="relative"))

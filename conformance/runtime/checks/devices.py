# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Devices: the default ones, linux.devices, and the rules of linux.resources.devices."""

import os

from suite import facts
from suite.expect import equal, need
from suite.registry import check

DEFAULT = {"null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8", "urandom": "1:9", "tty": "5:0"}


@check
def default_devices_are_there(case):
    """Default devices: null zero full random urandom tty, for all to use (config-linux.md, Default Devices)."""
    text = case.shell("cd /dev; for d in null zero full random urandom tty; do stat -c '%n %F %t:%T %a %u' $d; done")
    for line, (name, number) in zip(text.splitlines(), DEFAULT.items(), strict=True):
        equal(line, f"{name} character special file {number} 666 0")
    equal(case.shell("head -c 4 /dev/zero | od -An -tx1; echo x >/dev/null; echo x >/dev/full || echo full 2>&1").split()[-1],
          "full")


@check
def default_links_are_there(case):
    """Default links: fd, stdin, stdout, stderr, core, ptmx (config-linux.md, runtime-linux.md, Dev symbolic links)."""
    script = "cd /dev; for l in fd stdin stdout stderr; do readlink $l; done"
    equal(case.shell(script).splitlines(),
          ["/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"])
    configuration = case.config().mount("/dev/pts", "devpts", "devpts", "newinstance", "ptmxmode=0666", "mode=0620")
    equal(case.shell("/probe open /dev/ptmx rw", configuration), "ok")


def device(kind, path, major=None, minor=None, **more):
    """An entry of linux.devices."""
    numbers = {} if major is None else {"major": major, "minor": minor}
    return {"type": kind, "path": path} | numbers | more


@check
def devices_are_made(case):
    """linux.devices: type, numbers, mode and owner as given, in folders made for them (config-linux.md, Devices)."""
    configuration = case.config()
    configuration.linux["devices"] = [
        device("c", "/dev/deep/one", 1, 5, fileMode=0o640, uid=3, gid=4),
        device("u", "/dev/two", 1, 7, fileMode=0o600), device("b", "/dev/three", 7, 200, fileMode=0o660)]
    text = case.shell("stat -c '%F %t:%T %a %u %g' /dev/deep/one /dev/two /dev/three", configuration)
    equal(text.splitlines(), ["character special file 1:5 640 3 4", "character special file 1:7 600 0 0",
                              "block special file 7:c8 660 0 0"])


@check
def a_fifo_is_made(case):
    """linux.devices: type p is a FIFO (config-linux.md, Devices)."""
    configuration = case.config()
    configuration.linux["devices"] = [device("p", "/dev/pipe", fileMode=0o600)]
    equal(case.shell("stat -c '%F %a' /dev/pipe", configuration), "fifo 600")


@check
def an_unknown_type_is_refused(case):
    """linux.devices[].type: c, b, u or p (config-linux.md, Devices)."""
    configuration = case.config()
    configuration.linux["devices"] = [device("x", "/dev/x", 1, 3)]
    case.refused(configuration, "device", "\"x\"")


@check
def devices_in_a_user_namespace(case):
    """linux.devices: in a user namespace, which cannot make them, they are the host's (config-linux.md, Devices)."""
    configuration = case.config().user_namespace()
    text = case.shell("cd /dev; for d in null zero full; do stat -c '%n %t:%T' $d; done; echo x >/dev/null && echo ok",
                      configuration)
    equal(text.splitlines(), ["null 1:3", "zero 1:5", "full 1:7", "ok"])


def rule(allow, **more):
    """An entry of linux.resources.devices."""
    return {"allow": allow} | more


def opens(case, rules, *tries, extra=()):
    """What the probe says of opening devices under rules."""
    needs_devices()
    configuration = case.config().resources(devices=rules).capabilities("CAP_SYSLOG", "CAP_MKNOD")
    configuration.linux["devices"] = list(extra)
    return case.shell("; ".join(f"/probe {words}" for words in tries), configuration).split()


def needs_devices():
    need(facts.cgroup_mode() == "v2" or "devices" in facts.controllers(), "no devices controller")


@check
def denied_devices_cannot_be_opened(case):
    """linux.resources.devices: deny all, and what is not allowed fails with EPERM (config-linux.md, Allowed Device list)."""
    fuse = device("c", "/dev/other", 10, 229, fileMode=0o666)
    equal(opens(case, [rule(False, access="rwm")], "open /dev/other r", extra=[fuse]), ["EPERM"])


@check
def allowed_devices_can_be_opened(case):
    """linux.resources.devices: a rule for a type and numbers (config-linux.md, Allowed Device list)."""
    kmsg = device("c", "/dev/other", 1, 11, fileMode=0o666)
    rules = [rule(False, access="rwm"), rule(True, type="c", major=1, minor=11, access="r")]
    equal(opens(case, rules, "open /dev/other r", "open /dev/other w", extra=[kmsg]), ["ok", "EPERM"])


@check
def the_later_rule_wins(case):
    """linux.resources.devices: rules are applied in their order (config-linux.md, Allowed Device list)."""
    kmsg = device("c", "/dev/other", 1, 11, fileMode=0o666)
    rules = [rule(False, access="rwm"), rule(True, type="c", major=1, minor=11, access="rwm"),
             rule(False, type="c", major=1, minor=11, access="w")]
    equal(opens(case, rules, "open /dev/other r", "open /dev/other w", extra=[kmsg]), ["ok", "EPERM"])


@check
def wildcards_stand_for_all_numbers(case):
    """linux.resources.devices: numbers left out are all (config-linux.md, Allowed Device list)."""
    kmsg = device("c", "/dev/other", 1, 11, fileMode=0o666)
    rules = [rule(False, access="rwm"), rule(True, type="c", major=1, access="r")]
    equal(opens(case, rules, "open /dev/other r", "open /dev/other w", extra=[kmsg]), ["ok", "EPERM"])


@check
def default_devices_stay_usable(case):
    """linux.resources.devices: deny all leaves the default devices usable (config-linux.md, Default Devices)."""
    tries = [f"open /dev/{name} rw" for name in ("null", "zero", "full", "random", "urandom")]
    equal(opens(case, [rule(False, access="rwm")], *tries), ["ok"] * 5)


@check
def devices_can_be_made_but_not_used(case):
    """linux.resources.devices: mknod stays allowed as runc and crun have it, opening does not (convention of runc)."""
    found = opens(case, [rule(False, access="rwm")], "node /dev/new b 8 250", "open /dev/new r")
    equal(found, ["ok", "EPERM"])


@check
def rules_hold_in_exec(case):
    """linux.resources.devices: for every process of the container (config-linux.md, Allowed Device list)."""
    needs_devices()
    configuration = case.config("/probe", "wait").resources(devices=[rule(False, access="rwm")])
    configuration.linux["devices"] = [device("c", "/dev/other", 1, 11, fileMode=0o666)]
    container = case.up(configuration)
    outcome = container.exec("/probe", "open", "/dev/other", "r")
    equal(outcome.out, "EPERM\n", outcome.err)


@check
def devices_stay_in_the_root(case):
    """linux.devices: a link in the image's /dev leads nowhere outside of it (CVE-2021-30465 and its kin)."""
    outside = case.directory("outside")
    configuration = case.config("/bin/true")
    configuration["mounts"] = configuration["mounts"][:1]
    configuration.linux["devices"] = [device("c", "/dev/sub/one", 1, 3)]
    container = case.container(configuration)
    os.symlink(outside, f"{container.bundle}/rootfs/dev/sub")
    container.run()
    equal(os.listdir(outside), [])


@check
def a_path_is_needed(case):
    """linux.devices[].path: REQUIRED (config-linux.md, Devices)."""
    configuration = case.config()
    configuration.linux["devices"] = [{"type": "c", "major": 1, "minor": 3}]
    case.refused(configuration)

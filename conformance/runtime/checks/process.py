# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The property `process`: what is run, as whom, with which descriptors."""

import os
import subprocess

from suite import facts
from suite.expect import contains, equal, lacks, need
from suite.registry import check


@check
def args_are_passed_exactly(case):
    """process.args: the words of execvp, none changed (config.md, POSIX process)."""
    words = ["/probe", "report", "", "a b", "$HOME", "'\"", "ä\t"]
    found = case.report(case.config(*words))
    equal([found[f"arg{index}"] for index in range(len(words))], words)


@check
def args_are_looked_up_in_path(case):
    """process.args: the first is found in the PATH of process.env, as execvp does (config.md, POSIX process)."""
    equal(case.run(case.config("echo", "found")), "found\n")


@check
def path_of_the_caller_is_not_used(case):
    """process.args: PATH is that of the container's environment, not of the runtime's (config.md, POSIX process)."""
    configuration = case.config("onlyhere", "exit", "0")
    configuration.process["env"] = ["PATH=/opt"]
    container = case.container(configuration)
    os.symlink("/probe", f"{container.bundle}/rootfs/opt/onlyhere")
    equal(container.run().status, 0)


@check
def a_relative_program_is_below_cwd(case):
    """process.args: a name with a slash is relative to process.cwd (execvp(3))."""
    configuration = case.config("./echo", "found")
    configuration.process["cwd"] = "/bin"
    equal(case.run(configuration), "found\n")


@check
def env_is_exactly_what_is_given(case):
    """process.env: these variables; none of the caller's (config.md, Process)."""
    configuration = case.config()
    configuration.process["env"] = ["PATH=/bin", "ONE=1", "EMPTY=", "WITH=a=b", "HOME=/there"]
    os.environ["SKIFF_LEAK"] = "leaked"
    found = case.report(configuration)
    actual = {name: value for name, value in found.items() if name.startswith("env.")}
    equal(actual, {"env.PATH": "/bin", "env.ONE": "1", "env.EMPTY": "", "env.WITH": "a=b", "env.HOME": "/there"})


@check
def home_is_that_of_the_user(case):
    """HOME comes from the container's /etc/passwd where process.env has none (convention of runc and crun)."""
    for uid, home in ((0, "/root"), (1000, "/home/user")):
        configuration = case.config()
        configuration.process["user"]["uid"] = uid
        equal(case.report(configuration).get("env.HOME"), home)


@check
def cwd_is_entered(case):
    """process.cwd: the working directory (config.md, Process)."""
    configuration = case.config()
    configuration.process["cwd"] = "/usr/bin"
    equal(case.report(configuration)["cwd"], "/usr/bin")


@check
def cwd_must_be_absolute(case):
    """process.cwd: MUST be absolute (config.md, Process)."""
    configuration = case.config()
    configuration.process["cwd"] = "tmp"
    case.refused(configuration, "cwd")


@check
def user_and_groups_are_taken(case):
    """process.user: uid, gid and additionalGids, and no group more (config.md, User)."""
    configuration = case.config()
    configuration.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 2000, 77777]}
    found = case.report(configuration)
    equal((found["uid"], found["gid"]), ("1000 1000 1000", "1001 1001 1001"))
    equal(set(found["groups"].split()) - {"1001"}, {"5", "2000", "77777"})


@check
def groups_of_the_caller_are_dropped(case):
    """process.user.additionalGids: none given are none had (config.md, User)."""
    lacks(case.report()["groups"].split(), "4")


@check
def ids_out_of_range_are_refused(case):
    """process.user: an ID of 2^32-1, which setresuid(2) takes as "do not change", never leaves root (config.md, User)."""
    for name in ("uid", "gid"):
        configuration = case.config()
        configuration.process["user"][name] = 4294967295
        case.refused(configuration)


@check
def umask_is_022_or_what_is_given(case):
    """process.user.umask: the mask, 0022 where none is given as in runc and crun (config.md, User)."""
    equal(case.report()["umask"], "0022")
    for mask in (0, 0o27, 0o777):
        configuration = case.config()
        configuration.process["user"]["umask"] = mask
        equal(case.report(configuration)["umask"], f"{mask:04o}")


@check
def no_new_privileges_as_asked(case):
    """process.noNewPrivileges: set only where asked for (config.md, Linux process)."""
    for flag in (True, False):
        configuration = case.config()
        configuration.process["noNewPrivileges"] = flag
        equal(case.report(configuration)["nonewprivs"], str(int(flag)))


@check
def signals_are_as_after_boot(case):
    """No signal is blocked or ignored in the container, whatever the caller did (convention of runc and crun)."""
    found = case.report()
    equal((found["blocked"].strip(), found["ignored"].strip()), ("", ""))


@check
def the_program_leads_a_session(case):
    """The container's process is in a session without the caller's terminal (convention of runc and crun)."""
    found = case.report()
    equal((found["pid"], found["sid"], found["pgid"], found["controlling"]), ("1", "1", "1", "0"))


@check
def the_death_of_the_caller_is_survived(case):
    """No parent-death signal or changed dumpable flag stays from the runtime (prctl(2))."""
    found = case.report()
    equal((found["pdeathsig"], found["dumpable"], found["keepcaps"]), ("0", "1", "0"))


@check
def apparmor_profile_needs_apparmor(case):
    """process.apparmorProfile: applied, or an error where the kernel has no AppArmor (config.md, Linux process)."""
    need(not facts.has_security_module("apparmor"), "AppArmor is active: profiles are the host's")
    configuration = case.config()
    configuration.process["apparmorProfile"] = "no-such-profile"
    case.refused(configuration, "apparmor")


@check
def selinux_label_needs_selinux(case):
    """process.selinuxLabel: applied, or an error where the kernel has no SELinux (config.md, Linux process)."""
    need(not facts.has_security_module("selinux"), "SELinux is active: labels are the host's")
    configuration = case.config()
    configuration.process["selinuxLabel"] = "system_u:system_r:container_t:s0"
    case.refused(configuration, "selinux", "label", "attr")


@check
def selinux_label_is_applied(case):
    """process.selinuxLabel: the program has it (config.md, Linux process)."""
    need(facts.has_security_module("selinux"), "the kernel has no SELinux")
    need(not facts.has_selinux_policy(), "SELinux has a policy: labels are the host's")
    configuration = case.config("/bin/cat", "/proc/self/attr/current")
    configuration.process["selinuxLabel"] = "unlabeled"
    equal(case.run(configuration).strip("\0\n"), "unlabeled")


@check
def preserved_descriptors_arrive(case):
    """--preserve-fds: so many from 3 on, and no other (convention of runc and crun)."""
    wrapper = case.path("wrapper", "#!/bin/sh\nexec 3</dev/null 4</dev/null 5</dev/null\nexec \"$@\"\n", 0o755)
    for count, expected in (("0", "0 1 2"), ("2", "0 1 2 3 4")):
        container = case.container(case.config("/probe", "report"))
        done = subprocess.run(
            [wrapper, case.runtime.program, "--root", case.state, *case.runtime.options, "run", "--preserve-fds", count,
             "--bundle", container.bundle, container.id],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=case.patience, check=False)
        contains(done.stdout, f"fds={expected} \n", done.stderr)


@check
def no_descriptor_of_the_caller_arrives(case):
    """Only the three standard streams are open in the container (CVE-2024-21626, CVE-2016-9962)."""
    container = case.container(case.config("/probe", "report"))
    descriptor = os.open("/", os.O_RDONLY)
    try:
        outcome = container.run(pass_fds=(descriptor,))
    finally:
        os.close(descriptor)
    contains(outcome.out, "fds=0 1 2 \n")


@check
def standard_streams_belong_to_the_user(case):
    """The standard streams can be reopened by the container's user through /proc/self/fd (convention of runc and crun)."""
    configuration = case.config().shell("echo written >/proc/self/fd/1")
    configuration.process["user"] = {"uid": 1000, "gid": 1000}
    equal(case.run(configuration), "written\n")

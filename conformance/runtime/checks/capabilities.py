# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The property process.capabilities."""

from suite import facts
from suite.expect import equal, need, that
from suite.registry import check

SETS = ("effective", "permitted", "inheritable", "bounding", "ambient")


def masks(found):
    """The five sets of a report."""
    return {name: int(found[name], 16) for name in SETS}


@check
def sets_are_exactly_those_given(case):
    """process.capabilities: five sets, each as given (config.md, Linux process)."""
    configuration = case.config()
    configuration.process["capabilities"] = {
        "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
        "effective": ["CAP_CHOWN"], "inheritable": ["CAP_KILL"], "ambient": []}
    configuration.process["user"]["uid"] = 0
    found = masks(case.report(configuration))
    equal(found["bounding"], facts.capability_mask("CHOWN", "KILL", "NET_RAW"))
    equal(found["inheritable"], facts.capability_mask("KILL"))
    equal(found["ambient"], 0)
    # execve(2) by root would add what is bounding, but not with noNewPrivileges.
    equal(found["permitted"], facts.capability_mask("CHOWN", "KILL"))


@check
def none_given_are_none_had(case):
    """process.capabilities: without it, or with empty sets, not even root has any (config.md, Linux process)."""
    for sets in ({}, None):
        configuration = case.config()
        del configuration.process["capabilities"]
        if sets is not None:
            configuration.process["capabilities"] = sets
        equal(set(masks(case.report(configuration)).values()), {0})


@check
def ambient_ones_survive_for_a_user(case):
    """process.capabilities.ambient: a user without root's id has them after execve (config.md, Linux process)."""
    configuration = case.config().capabilities("CAP_NET_RAW", "CAP_KILL", ambient=["CAP_NET_RAW"])
    configuration.process["user"] = {"uid": 1000, "gid": 1000}
    found = masks(case.report(configuration))
    mask = facts.capability_mask("NET_RAW")
    equal((found["effective"], found["permitted"], found["ambient"]), (mask, mask, mask))


@check
def a_user_has_none_in_effect(case):
    """process.capabilities: without ambient ones a user without root's id has none after execve (capabilities(7))."""
    configuration = case.config()
    configuration.process["user"] = {"uid": 1000, "gid": 1000}
    found = masks(case.report(configuration))
    equal((found["effective"], found["permitted"]), (0, 0))
    that(found["bounding"], "the bounding set is empty")


@check
def every_one_of_the_host_can_be_given(case):
    """process.capabilities: every name of capabilities(7) that the runtime itself has (config.md, Linux process)."""
    names = [name for name in facts.CAPABILITIES if facts.has_capability(name)]
    found = masks(case.report(case.config().capabilities(*(f"CAP_{name}" for name in names))))
    equal(found["effective"], facts.capability_mask(*names))


@check
def one_that_the_runtime_lacks_is_not_had(case):
    """process.capabilities: one that cannot be mapped to the kernel interface is a warning or an error (config.md)."""
    lacking = [name for name in facts.CAPABILITIES if not facts.has_capability(name)]
    need(lacking, "the runtime has every capability")
    container = case.container(case.config("/probe", "report").capabilities(f"CAP_{lacking[0]}"))
    outcome = container.run()
    that(outcome.status == 0 or outcome.message, "refused without a message")


@check
def an_unknown_one_is_warned_of_or_refused(case):
    """process.capabilities: an unknown name is a logged warning or an error, and grants nothing (config.md)."""
    container = case.container(case.config("/probe", "report").capabilities("CAP_FLY", "CAP_KILL"))
    outcome = container.run()
    if outcome.status == 0:
        that(f"effective={facts.capability_mask('KILL'):x}\n" in outcome.out, outcome.out)
        that("CAP_FLY" in outcome.err, f"no warning: {outcome.err!r}")
    else:
        that("CAP_FLY" in outcome.message, outcome.message)


@check
def they_hold_in_the_kernel(case):
    """process.capabilities: what is not had is denied: chown, sethostname, mknod (capabilities(7))."""
    script = "chown 5 /tmp/x 2>/dev/null; touch /tmp/x; chown 5 /tmp/x; echo $?; /probe call sethostname /x 2"
    equal(case.shell(script, case.config().capabilities("CAP_CHOWN")).split(), ["0", "EPERM"])
    equal(case.shell(script, case.config().capabilities("CAP_SYS_ADMIN")).split()[-2:], ["1", "0"])

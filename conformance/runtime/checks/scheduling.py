# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""How much the process may use and when: limits, scheduler, I/O priority, memory policy, personality."""

import json
import os
import resource

from suite import facts
from suite.case import parse
from suite.expect import equal, need
from suite.registry import check


@check
def oom_score_is_set(case):
    """process.oomScoreAdj: in /proc/self/oom_score_adj, and only if it is given (config.md, Linux process)."""
    configuration = case.config()
    configuration.process["oomScoreAdj"] = 321
    equal(case.report(configuration)["oom"], "321")
    equal(case.report()["oom"], facts.read("/proc/self/oom_score_adj").strip())


RLIMITS = {"RLIMIT_CPU": 0, "RLIMIT_FSIZE": 1, "RLIMIT_DATA": 2, "RLIMIT_STACK": 3, "RLIMIT_CORE": 4, "RLIMIT_RSS": 5,
           "RLIMIT_NPROC": 6, "RLIMIT_NOFILE": 7, "RLIMIT_MEMLOCK": 8, "RLIMIT_AS": 9, "RLIMIT_LOCKS": 10,
           "RLIMIT_SIGPENDING": 11, "RLIMIT_MSGQUEUE": 12, "RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14, "RLIMIT_RTTIME": 15}


@check
def rlimits_of_every_type(case):
    """process.rlimits: soft and hard of each type of getrlimit(2) (config.md, POSIX process)."""
    configuration = case.config()
    expected = {}
    for name, number in RLIMITS.items():
        hard = resource.getrlimit(number)[1]
        # Lower than now, which needs no capability, and yet enough to run.
        enough = {0: 1000, 1: 1 << 30, 2: 1 << 33, 3: 1 << 22, 5: 1 << 33, 9: 1 << 34, 15: 10 ** 8}.get(number, 512)
        top = enough if hard < 0 else min(enough, hard)
        expected[number] = f"{top // 2} {top}"
        configuration.process.setdefault("rlimits", []).append({"type": name, "soft": top // 2, "hard": top})
    found = case.report(configuration)
    for number, values in expected.items():
        equal(found[f"rlimit{number}"], values, f"limit {number}")


@check
def rlimits_of_an_unknown_type_are_refused(case):
    """process.rlimits[].type: a value that maps to no limit is an error (config.md, POSIX process)."""
    configuration = case.config()
    configuration.process["rlimits"] = [{"type": "RLIMIT_FOO", "soft": 1, "hard": 1}]
    case.refused(configuration, "rlimit")


@check
def rlimits_given_twice_are_refused(case):
    """process.rlimits: two entries of one type are an error (config.md, POSIX process)."""
    configuration = case.config()
    configuration.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": number, "hard": 512} for number in (99, 100)]
    case.refused(configuration, "RLIMIT_NOFILE")


@check
def rlimits_with_soft_above_hard_are_refused(case):
    """process.rlimits: what the kernel refuses is an error (config.md, POSIX process)."""
    configuration = case.config()
    configuration.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 50}]
    case.refused(configuration)


@check
def personality_is_set(case):
    """linux.personality: domain and flags of personality(2) (config-linux.md, Personality)."""
    configuration = case.config()
    configuration.linux["personality"] = {"domain": "LINUX32"}
    equal(case.report(configuration)["personality"], "8")
    configuration.linux["personality"] = {"domain": "LINUX"}
    equal(case.report(configuration)["personality"], "0")


@check
def an_unknown_personality_is_refused(case):
    """linux.personality.domain: LINUX or LINUX32 (config-linux.md, Personality)."""
    configuration = case.config()
    configuration.linux["personality"] = {"domain": "SOLARIS"}
    case.refused(configuration, "personality", "SOLARIS")


@check
def scheduler_batch_and_nice(case):
    """process.scheduler: policy and nice of sched_setattr(2) (config.md, Linux process)."""
    configuration = case.config()
    configuration.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
    found = case.report(configuration)
    equal((found["policy"], found["nice"]), ("3", "5"))


@check
def scheduler_idle(case):
    """process.scheduler.policy: SCHED_IDLE (config.md, Linux process)."""
    configuration = case.config()
    configuration.process["scheduler"] = {"policy": "SCHED_IDLE"}
    equal(case.report(configuration)["policy"], "5")


@check
def scheduler_real_time(case):
    """process.scheduler: SCHED_FIFO and SCHED_RR with a priority and SCHED_FLAG_RESET_ON_FORK (config.md, Linux process)."""
    need(facts.has_capability("SYS_NICE"), "no CAP_SYS_NICE")
    need(not os.path.exists(f"{facts.CGROUP_ROOT}/cpu/cpu.rt_runtime_us"), "real time is shared out by cgroups v1 here")
    configuration = case.config()
    for policy, number in (("SCHED_FIFO", "1"), ("SCHED_RR", "2")):
        configuration.process["scheduler"] = {
            "policy": policy, "priority": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
        found = case.report(configuration)
        equal((found["policy"], found["priority"], found["scheduleflags"]), (number, "3", "1"))


@check
def scheduler_of_an_unknown_policy_is_refused(case):
    """process.scheduler.policy: one of the names of sched(7) (config.md, Linux process)."""
    configuration = case.config()
    configuration.process["scheduler"] = {"policy": "SCHED_BEST"}
    case.refused(configuration, "SCHED_BEST", "scheduler")


@check
def io_priority_of_each_class(case):
    """process.ioPriority: class and priority of ioprio_set(2) (config.md, Linux process)."""
    for name, number, priority in (("IOPRIO_CLASS_BE", 2, 6), ("IOPRIO_CLASS_IDLE", 3, 0), ("IOPRIO_CLASS_RT", 1, 2)):
        configuration = case.config()
        configuration.process["ioPriority"] = {"class": name, "priority": priority}
        equal(int(case.report(configuration)["ioprio"]), number << 13 | priority, name)


@check
def io_priority_of_an_unknown_class_is_refused(case):
    """process.ioPriority.class: one of the three (config.md, Linux process)."""
    configuration = case.config()
    configuration.process["ioPriority"] = {"class": "IOPRIO_CLASS_BEST", "priority": 1}
    case.refused(configuration, "IOPRIO_CLASS_BEST", "ioPriority", "priority")


@check
def memory_policy_is_set(case):
    """linux.memoryPolicy: mode and nodes of set_mempolicy(2) (config-linux.md, Memory policy)."""
    need("mempolicy" in case.report(), "the kernel has no memory policies (no CONFIG_NUMA)")
    for mode, number in (("MPOL_BIND", "2"), ("MPOL_INTERLEAVE", "3"), ("MPOL_PREFERRED", "1")):
        configuration = case.config()
        configuration.linux["memoryPolicy"] = {"mode": mode, "nodes": "0"}
        found = case.report(configuration)
        equal((found["mempolicy"], found["memnodes"]), (number, "1"), mode)


@check
def an_unknown_memory_policy_is_refused(case):
    """linux.memoryPolicy.mode: one of the modes of set_mempolicy(2) (config-linux.md, Memory policy)."""
    configuration = case.config()
    configuration.linux["memoryPolicy"] = {"mode": "MPOL_BEST", "nodes": "0"}
    case.refused(configuration, "MPOL_BEST", "memory")


@check
def affinity_of_an_exec(case):
    """process.execCPUAffinity: the CPUs of a process of exec, before and in the cgroup (config.md, Linux process)."""
    container = case.up()
    process = case.config("/probe", "report").process | {"execCPUAffinity": {"initial": "0", "final": "0"}}
    outcome = container.must("exec", "--process", case.path("process", json.dumps(process)), container.id)
    equal(parse(outcome.out)["affinity"], "0")

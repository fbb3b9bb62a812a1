# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Operations beside each other. Whatever the order, the end is one that the specification allows."""

import concurrent.futures
import json
import subprocess
import time

from suite.expect import equal, that
from suite.registry import check


def beside(*works):
    """Runs functions at once; returns what they returned."""
    with concurrent.futures.ThreadPoolExecutor(len(works)) as pool:
        return [one.result() for one in [pool.submit(work) for work in works]]


@check(alone=True)
def many_containers(case):
    """Many containers live and die beside each other (`--many` in all, eight at once) (runtime.md, Operations)."""
    containers = [case.container(case.config().shell("echo $$")) for _ in range(case.suite.many)]

    def life(container):
        container.up().stopped()
        output = container.output()
        container.delete()
        return output

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        equal(set(pool.map(life, containers)), {"1\n"})
    that(not any(container.exists() for container in containers[:10]), "some still exist")
    case.nothing_left()


@check(alone=True)
def many_at_once_in_one_place(case):
    """Containers that are all there at once, and are deleted by force at once (runtime.md, Operations)."""
    containers = [case.container() for _ in range(min(case.suite.many, 40))]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda container: container.up(), containers))
        listed = containers[0].must("list", "--quiet").out.split()
        equal(sorted(listed), sorted(container.id for container in containers))
        list(pool.map(lambda container: container.delete("--force"), containers))
    case.nothing_left()


@check
def one_id_for_many(case):
    """Create: of many with one ID at once, one is made (runtime.md, Create: MUST be unique)."""
    container = case.container()
    outcomes = beside(*[container.try_create] * 6)
    equal(sorted(outcome.status == 0 for outcome in outcomes), [False] * 5 + [True], "; ".join(map(str, outcomes)))
    equal(container.status, "created")
    container.start()


@check
def one_start_of_many(case):
    """Start: of many at once, one starts the program, once (runtime.md, Start)."""
    container = case.container(case.config().shell("echo ran; sleep 1000")).create()
    outcomes = beside(*[container.try_start] * 6)
    equal(sum(outcome.status == 0 for outcome in outcomes), 1, "; ".join(map(str, outcomes)))
    container.wrote("ran")
    equal(container.output(), "ran\n")


@check
def kill_during_create(case):
    """Create whose runtime is killed at any moment: delete --force removes what there is (runtime.md, Delete)."""
    for step in range(12):
        container = case.container()
        with open(container.output_path, "wb") as output:
            process = case.runtime.begin("create", "--bundle", container.bundle, container.id, root=case.state, out=output)
        time.sleep(0.002 * step)
        process.kill()
        process.wait()
        outcome = container.try_delete("--force")
        that(outcome.status == 0, f"after {2 * step} ms: {outcome}")
        # The name is free again, whatever was cut off.
        container.up().delete("--force")


@check
def kill_of_the_container_during_create(case):
    """Kill while create is at work: either finds no container or kills it; nothing hangs (runtime.md, Kill)."""
    for _ in range(6):
        container = case.container()
        with open(container.output_path, "wb") as output:
            process = case.runtime.begin("create", "--bundle", container.bundle, container.id, root=case.state, out=output,
                                         err=subprocess.DEVNULL)
        while process.poll() is None and container.try_kill("KILL").status != 0:
            pass
        process.wait(case.patience)
        container.delete("--force")
        that(not container.exists(), "it still exists")


@check
def delete_during_start(case):
    """Delete --force beside start: start may fail; afterwards there is no container (runtime.md, Delete)."""
    for _ in range(6):
        container = case.container().create()
        _, deleted = beside(container.try_start, lambda: container.try_delete("--force"))
        that(deleted.status == 0, str(deleted))
        container.try_delete("--force")
        that(not container.exists(), "it still exists")
    case.nothing_left()


@check
def many_deletes(case):
    """Delete --force by many at once: none fails, and the container is gone (runtime.md, Delete)."""
    container = case.up()
    for outcome in beside(*[lambda: container.try_delete("--force")] * 5):
        that(outcome.status == 0, str(outcome))
    that(not container.exists(), "it still exists")


@check
def kill_beside_the_end(case):
    """Kill of a container that ends: it succeeds or says that nothing runs; nobody else is hit (runtime.md, Kill)."""
    for _ in range(10):
        container = case.container(case.config("/bin/true")).create()
        _, killed = beside(container.try_start, lambda: container.try_kill("TERM"))
        that(killed.status >= 0, str(killed))
        if container.status != "stopped":
            container.try_kill("KILL")
        container.stopped().delete()


@check
def exec_beside_the_end(case):
    """Exec into a container that is killed: it runs or fails, but ends (convention of runc and crun)."""
    for step in range(5):
        container = case.up()
        outcomes = beside(lambda: container.exec("/bin/true"), lambda: container.exec("/bin/sleep", "1000"),
                          lambda: (time.sleep(0.004 * step), container.try_kill("KILL"))[1])
        that(outcomes[1].status != 0, "it slept to the end")
        container.stopped().delete()


@check
def execs_beside_each_other(case):
    """Exec by many at once: each has its own result (convention of runc and crun)."""
    container = case.up()
    works = [lambda number=number: container.exec("/probe", "exit", str(number)) for number in range(12)]
    equal([outcome.status for outcome in beside(*works)], list(range(12)))


@check
def state_is_never_half_written(case):
    """State: beside every other operation it answers or says that there is no container (runtime.md, Query State)."""
    container = case.container(case.config("/probe", "wait"))

    def life():
        for _ in range(3):
            container.up().delete("--force")

    def watch():
        seen = set()
        end = time.monotonic() + 1
        while time.monotonic() < end:
            outcome = container.try_state()
            seen.add("absent" if outcome.status else container_status(outcome.out))
        return seen

    _, seen = beside(life, watch)
    that(seen <= {"absent", "creating", "created", "running", "stopped"}, seen)


def container_status(text):
    """The status in a state."""
    return json.loads(text)["status"]


@check
def orphans_of_the_container_end(case):
    """Delete: with the container every process that it made ends (runtime.md, Delete)."""
    script = "for i in 1 2 3 4 5; do setsid nohup sleep 1000 >/dev/null 2>&1 & done; echo ready; exec sleep 1000"
    container = case.up(case.config().shell(script)).wrote("ready")
    container.kill("KILL").stopped()
    container.delete()
    case.nothing_left()

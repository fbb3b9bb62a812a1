# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Programs die; what was acknowledged stays."""

import os
import random
import signal
import threading
import time

import grpc
from engine import DEADLINE, cri, eventually, is_zombie


def test_daemon_comes_back(engine, pod):
    identifier, config = pod
    running = engine.shell(identifier, config, "running", "echo before; sleep 1000")
    finished = engine.shell(identifier, config, "finished", "exit 4")
    meanwhile = engine.shell(
        identifier, config, "meanwhile", "while ! test -e /go/go; do sleep 0.1; done; exit 9",
        mounts=[cri.Mount(host_path=str(engine.folder / "go"), container_path="/go")],
    )
    created = engine.create(identifier, config, "created", ["sh", "-c", "exit 6"])
    engine.wait_exit(finished)
    before = engine.pod_status(identifier)
    engine.kill_daemon()
    # It ends while nobody listens.
    (engine.folder / "go/go").touch()
    time.sleep(1)
    engine.start_daemon()
    assert engine.pod_status(identifier) == before
    assert engine.status(running).state == cri.CONTAINER_RUNNING
    assert engine.status(finished).exit_code == 4
    assert engine.wait_exit(meanwhile).exit_code == 9
    assert engine.status(created).state == cri.CONTAINER_CREATED
    assert engine.exec(running, "echo", "alive").stdout == b"alive\n"
    engine.start(created)
    assert engine.wait_exit(created).exit_code == 6
    assert len(engine.images.ListImages(cri.ListImagesRequest()).images) == 1


def test_orderly_stop_leaves_pods_running(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    os.kill(engine.daemon_pid(), signal.SIGTERM)
    eventually("skiffd ends", lambda: is_zombie(engine.daemon_pid()))
    engine.start_daemon()
    assert engine.status(container).state == cri.CONTAINER_RUNNING


def check_lost(engine, identifier, container):
    lost = engine.wait_exit(container)
    assert lost.exit_code == 137
    assert "monitor" in lost.reason.lower() + lost.message.lower(), (lost.reason, lost.message)
    assert engine.pod_status(identifier).state == cri.SANDBOX_NOTREADY


def test_a_lost_monitor_ends_its_own_pod_only(engine, pod):
    identifier, config = pod
    container = engine.shell(identifier, config, "c", "sleep 1000")
    other, other_config = engine.run_pod("other")
    survivor = engine.shell(other, other_config, "c", "sleep 1000")
    os.kill(engine.monitor_pid(identifier), signal.SIGKILL)
    check_lost(engine, identifier, container)
    # Once: a watch that is not taken away calls without end.
    log = (engine.folder / "skiffd.log").read_text()
    assert log.count(f'pod "{identifier}": its monitor ended unexpectedly') == 1
    assert engine.status(survivor).state == cri.CONTAINER_RUNNING
    assert engine.exec(survivor, "true").exit_code == 0
    engine.stop_pod(other)
    engine.remove_pod(other)


def test_a_monitor_lost_while_the_daemon_was_away(engine, pod):
    identifier, config = pod
    container = engine.shell(identifier, config, "c", "sleep 1000")
    engine.kill_daemon()
    os.kill(engine.monitor_pid(identifier), signal.SIGKILL)
    engine.start_daemon()
    check_lost(engine, identifier, container)


class Churn(threading.Thread):
    """Makes and removes one pod after the other, and keeps book of what the daemon has acknowledged."""

    def __init__(self, engine, number, rounds):
        super().__init__()
        self.engine, self.number, self.rounds = engine, number, rounds
        self.lost = []

    def patiently(self, call, done=lambda: False):
        """Repeats the call while the daemon is away, as a kubelet would."""
        end = time.monotonic() + 4 * DEADLINE
        while True:
            try:
                return call()
            except ValueError:
                # The connection of the daemon before, closed by the test.
                time.sleep(0.1)
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.ALREADY_EXISTS and done():
                    return done()
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                    raise
                assert time.monotonic() < end, f"still unavailable: {error}"
                time.sleep(0.1)

    def container_named(self, pod, name):
        found = [
            c.id for c in self.patiently(self.engine.containers)
            if c.pod_sandbox_id == pod and c.metadata.name == name
        ]
        return found[0] if found else None

    def run(self):
        try:
            for attempt in range(self.rounds):
                self.once(attempt)
        except Exception as error:  # what a thread throws is asserted on by the test
            self.lost.append(f"pod {self.number}: {type(error).__name__}: {error}")

    def once(self, attempt):
        engine = self.engine
        pod, config = self.patiently(lambda: engine.run_pod(f"churn-{self.number}", attempt=attempt))
        expected = random.randrange(1, 100)
        command = ["sh", "-c", f"echo line; exit {expected}"]
        container = self.patiently(
            lambda: engine.create(pod, config, "c", command), done=lambda: self.container_named(pod, "c")
        )
        self.patiently(lambda: self.start_container(container))
        status = self.patiently(lambda: engine.wait_exit(container))
        if status.exit_code != expected:
            self.lost.append(f"pod {self.number}: exit code {status.exit_code}, not {expected}: {status.message}")
        if engine.log(config.metadata.name, "c") != [("stdout", "F", "line")] * (attempt + 1):
            self.lost.append(f"pod {self.number}: log {engine.log(config.metadata.name, 'c')}")
        if pod not in [p.id for p in self.patiently(engine.pods)]:
            self.lost.append(f"pod {self.number}: not listed")
        self.patiently(lambda: engine.stop_pod(pod))
        self.patiently(lambda: engine.remove_pod(pod))

    def start_container(self, container):
        try:
            self.engine.start(container)
        except grpc.RpcError as error:
            # A start that was done, and whose answer the kill took away.
            if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                raise


def test_twenty_kills_under_load(engine):
    seed = int(os.environ.get("SKIFF_SEED", random.randrange(1 << 32)))
    print(f"SKIFF_SEED={seed}")
    moments = random.Random(seed)
    churns = [Churn(engine, number, rounds=2) for number in range(50)]
    for churn in churns:
        churn.start()
    kills = 0
    while kills < 20:
        time.sleep(moments.uniform(0.05, 2.5))
        engine.kill_daemon()
        kills += 1
        engine.start_daemon()
    for churn in churns:
        churn.join()
    assert [line for churn in churns for line in churn.lost] == []
    # A pod whose creation was cut off and never asked for again is undone; none was acknowledged.
    assert not engine.pods()
    engine.assert_clean()

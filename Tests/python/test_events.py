# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What happens to pods and containers, as those hear of it who listen."""

import subprocess
import threading

from engine import PROGRAMS, cri, eventually


class Listener:
    """Collects events in a thread until it is closed."""

    def __init__(self, engine):
        self.events = []
        self.call = engine.runtime.GetContainerEvents(cri.GetEventsRequest())
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        try:
            for event in self.call:
                self.events.append(event)
        except Exception:
            assert self.call.cancelled()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.call.cancel()
        self.thread.join(60)

    def of(self, identifier):
        return [e for e in self.events if e.container_id == identifier]

    def kinds(self, identifier):
        return [cri.ContainerEventType.Name(e.container_event_type).split("_")[1] for e in self.of(identifier)]


LIFE = ["CREATED", "STARTED", "STOPPED", "DELETED"]


def listen(engine):
    """A listener that is known to hear: the call is answered only with the first event."""
    listener = Listener(engine)

    def heard():
        identifier, _ = engine.run_pod(f"probe-{len(listener.events)}-{threading.get_ident()}")
        engine.stop_pod(identifier)
        engine.remove_pod(identifier)
        return listener.events

    eventually("an event comes", heard)
    return listener


def test_order_and_content(engine):
    with listen(engine) as listener:
        pod, config = engine.run_pod("events")
        container = engine.launch(pod, config, "c", ["sh", "-c", "exit 3"])
        engine.wait_exit(container)
        engine.remove(container)
        engine.stop_pod(pod)
        engine.remove_pod(pod)
        eventually("the pod's end is told", lambda: len(listener.of(pod)) == 4)
        assert listener.kinds(container) == LIFE
        assert listener.kinds(pod) == LIFE
        times = [e.created_at for e in listener.events]
        assert times == sorted(times)
        stopped = listener.of(container)[2]
        assert stopped.pod_sandbox_status.id == pod
        (status,) = stopped.containers_statuses
        assert (status.id, status.exit_code) == (container, 3)
        assert not listener.of(container)[3].containers_statuses


def test_many_listeners_and_fast_ends(engine, pod):
    with listen(engine) as one, listen(engine) as two:
        containers = [engine.launch(*pod, f"c{number}", ["true"]) for number in range(10)]
        for container in containers:
            engine.wait_exit(container)
        for container in containers:
            engine.remove(container)
        for listener in [one, two]:
            eventually("all ends are told", lambda: all(len(listener.of(c)) == 4 for c in containers))
            for container in containers:
                assert listener.kinds(container) == LIFE


def test_pod_status_tells_of_containers(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    request = cri.PodSandboxStatusRequest(pod_sandbox_id=pod[0])
    answer = engine.runtime.PodSandboxStatus(request, timeout=60)
    assert [c.id for c in answer.containers_statuses] == [container]
    assert answer.timestamp > answer.status.created_at


def test_skiffctl_follows(engine, pod):
    socket = "unix://" + engine.env["SOCKET"]
    with subprocess.Popen([PROGRAMS / "skiffctl", "-r", socket, "events", "-f"], stdout=subprocess.PIPE) as process:
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, b"")))
        reader.start()

        launched = []

        def heard():
            launched.append(engine.launch(*pod, f"c{len(launched)}", ["true"]))
            engine.remove(launched[-1])
            # skiffctl may begin to listen in the middle of a life.
            return any(told(lines, container, b" CREATED ", b" DELETED ") for container in launched)

        eventually("a whole life is told", heard)
        process.terminate()
        reader.join(60)


def told(lines, container, *kinds):
    return all(any(kind in line and container[:13].encode() in line for line in list(lines)) for kind in kinds)

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What is done with the containers of a pod, and what must be true of them then."""

import os
import pathlib
import subprocess
import urllib.request

import grpc
from engine import cri, eventually
from soak.box import BRIEF, KINDS, LASTING, Box
from spdy import Command
from streaming import attach_url

Code = grpc.StatusCode


class Containers:
    """A part of Slot."""

    def having(self, state):
        return [box for box in self.boxes.values() if box.state == state]

    def lasting(self):
        return [box for box in self.having("running") if box.kind in LASTING]

    def brief(self):
        return [box for box in self.having("running") if box.kind in BRIEF]


    def create_request(self, box, fields):
        container = cri.ContainerConfig(
            metadata=cri.ContainerMetadata(name=box.name), image=cri.ImageSpec(image=self.engine.image),
            log_path=f"{box.name}.log", **fields)
        return cri.CreateContainerRequest(pod_sandbox_id=self.pod, config=container, sandbox_config=self.config)

    def ask_for_container(self, box, request):
        def present():
            # Named by an earlier request of ours whose answer was lost.
            items = self.patience.call("ListContainers", filter=cri.ContainerFilter(pod_sandbox_id=self.pod)).containers
            return next((item.id for item in items if item.metadata.name == box.name), None)

        return self.patience(
            lambda: self.engine.runtime.CreateContainer(request, timeout=240).container_id, done=present)

    def fresh_box(self, chance, kind=None):
        self.turn += 1
        kind = kind or chance.choice(sorted(KINDS))
        if kind == "web" and (self.kind == "host" or any(box.kind == "web" for box in self.boxes.values())):
            kind = "sleeper"
        box = Box(f"{kind}-{self.turn}", kind)
        return box, self.create_request(box, KINDS[kind](box, chance))

    def create(self, chance, kind=None):
        box, request = self.fresh_box(chance, kind)
        box.id = self.ask_for_container(box, request)
        self.boxes[box.name] = box

    def create_abandoned(self, chance):
        box, request = self.fresh_box(chance)
        self.patience.abandon("CreateContainer", chance.uniform(0.005, 0.2), request)
        try:
            box.id = self.ask_for_container(box, request)
        except grpc.RpcError as error:
            # It was finished just before its client went away.
            if error.code() != Code.ALREADY_EXISTS:
                raise
            items = self.patience.call("ListContainers", filter=cri.ContainerFilter(pod_sandbox_id=self.pod)).containers
            box.id = next(item.id for item in items if item.metadata.name == box.name)
        self.boxes[box.name] = box

    def create_broken(self, chance):
        """A command that does not exist: nothing is left of the container, or a failed start is told."""
        self.turn += 1
        box = Box(f"broken-{self.turn}", "broken", codes=(128,))
        try:
            box.id = self.ask_for_container(box, self.create_request(box, {"command": ["/no/such/program"]}))
        except grpc.RpcError as error:
            assert "/no/such/program" in error.details(), error.details()
            return
        assert self.patience.refusal("StartContainer", container_id=box.id) is not None
        box.state = "ended"
        self.boxes[box.name] = box

    def start(self, chance, box=None):
        box = box or chance.choice(self.having("created"))
        state = lambda: self.status(box).state in (cri.CONTAINER_RUNNING, cri.CONTAINER_EXITED)
        self.patience(
            lambda: self.engine.runtime.StartContainer(cri.StartContainerRequest(container_id=box.id), timeout=240),
            done=state)
        box.state = "running"

    def status(self, box):
        return self.patience.call("ContainerStatus", container_id=box.id).status

    def stop(self, chance):
        box = chance.choice(self.having("created") + self.lasting())
        self.patience.call("StopContainer", container_id=box.id, timeout=chance.choice([0, 0, 1, 2]))
        if box.state == "created":
            # It never ran.
            box.codes = (137,)
        self.check(box)

    def remove(self, chance):
        box = self.boxes.pop(chance.choice(sorted(self.boxes)))
        self.patience.call("RemoveContainer", container_id=box.id)
        assert self.patience.refusal("ContainerStatus", container_id=box.id) == Code.NOT_FOUND

    def await_end(self, chance):
        box = chance.choice(self.brief())
        eventually(f"{box.name} ends", lambda: self.status(box).state == cri.CONTAINER_EXITED)
        self.check(box)

    def check(self, box):
        """How it ended, and what it wrote."""
        ran = box.state == "running"
        status = self.status(box)
        assert status.state == cri.CONTAINER_EXITED and status.exit_code in box.codes, (
            f"{box}: state {status.state}, code {status.exit_code}, {status.reason} {status.message}")
        if box.kind == "hungry" and ran:
            assert status.reason == "OOMKilled", f"{box}: {status.reason}"
        if box.lines and ran:
            lines = self.engine.log(self.config.metadata.name, box.name)
            assert lines == box.lines, f"{box}: log {lines}"
        box.state = "ended"

    # What runs.

    def execute(self, chance):
        box, code, text = chance.choice(self.lasting()), chance.randrange(100), "x" * chance.choice([1, 100, 100_000])
        script = f"head -c {len(text)} /dev/zero | tr '\\0' x; exit {code}"
        answer = self.patience.call("ExecSync", container_id=box.id, cmd=["sh", "-c", script], timeout=60)
        assert (answer.exit_code, answer.stdout) == (code, text.encode()), f"{answer.exit_code}, {len(answer.stdout)} bytes"

    def execute_late(self, chance):
        box = chance.choice(self.lasting())
        code = self.patience.refusal("ExecSync", container_id=box.id, cmd=["sleep", "1000"], timeout=1)
        assert code == Code.DEADLINE_EXCEEDED, code

    def execute_streamed(self, chance):
        """By skiffctl, over a connection that a killed daemon takes away."""
        box, code = chance.choice(self.lasting()), chance.randrange(1, 100)
        command = self.engine.client("exec", "-i", box.id, "sh", "-c", f"cat; exit {code}")
        lives = self.patience.lives
        done = subprocess.run(command, input="through\n", capture_output=True, text=True, timeout=240)
        if (done.returncode, done.stdout) != (code, "through\n"):
            assert self.patience.lives != lives or self.engine_is_away(), f"{done}"

    def engine_is_away(self):
        try:
            self.engine.runtime.Version(cri.VersionRequest(), timeout=5)
            return False
        except grpc.RpcError:
            return True

    def attach(self, chance):
        box = chance.choice([box for box in self.lasting() if box.kind == "listener"])
        lives = self.patience.lives
        try:
            url = self.patience(lambda: attach_url(self.engine, box.id))
            command = Command(url, stdin=True)
            command.stdin.send(b"echo\n")
            said = command.stdout.read(5)
            command.connection.close()
        except OSError:
            said = None
        if said != b"echo\n":
            assert self.patience.lives != lives or self.engine_is_away(), f"attached to {box}: {said}"

    def fetch(self, chance):
        address = self.pod_status().network.ip
        places = [f"{address}:80"] + ([f"127.0.0.1:{self.port}"] if self.port else [])
        for place in places:
            page = eventually(f"a page comes from {place}", lambda place=place: self.page(place))
            assert b"Hello" in page, page

    @staticmethod
    def page(place):
        try:
            return urllib.request.urlopen(f"http://{place}/", timeout=5).read()
        except OSError:
            return None

    def update(self, chance):
        box = chance.choice(self.lasting())
        limit = chance.randrange(64, 128) << 20
        resources = cri.LinuxContainerResources(memory_limit_in_bytes=limit, cpu_shares=chance.randrange(2, 2000))
        self.patience.call("UpdateContainerResources", container_id=box.id, linux=resources)
        assert self.status(box).resources.linux.memory_limit_in_bytes == limit

    def rotate(self, chance):
        box = chance.choice(self.lasting())
        path = pathlib.Path(self.config.log_directory) / f"{box.name}.log"
        os.replace(path, f"{path}.1")
        self.patience.call("ReopenContainerLog", container_id=box.id)
        assert path.exists()

    def statistics(self, chance):
        self.patience.call("ListContainerStats", filter=cri.ContainerStatsFilter(pod_sandbox_id=self.pod))
        stats = self.patience.call("PodSandboxStats", pod_sandbox_id=self.pod).stats
        assert stats.attributes.id == self.pod
        self.patience.call("ListPodSandboxMetrics")
        self.patience.call("ImageFsInfo")
        self.patience.call("Status", verbose=True)

    def look(self, chance=None):
        """The pod and its containers are what they must be, also in lists."""
        state = self.pod_status().state
        assert state == (cri.SANDBOX_READY if self.state == "ready" else cri.SANDBOX_NOTREADY), f"pod {self.pod}: {state}"
        pods = self.patience.call("ListPodSandbox").items
        assert [pod.state for pod in pods if pod.id == self.pod] == [state]
        items = self.patience.call("ListContainers", filter=cri.ContainerFilter(pod_sandbox_id=self.pod)).containers
        seen = {item.metadata.name: (item.id, item.state) for item in items}
        assert seen.keys() == self.boxes.keys(), f"containers {sorted(seen)}, not {sorted(self.boxes)}"
        for box in self.boxes.values():
            right = {"created": [cri.CONTAINER_CREATED], "ended": [cri.CONTAINER_EXITED], "running": [
                cri.CONTAINER_RUNNING] + [cri.CONTAINER_EXITED] * (box.kind in BRIEF)}[box.state]
            assert seen[box.name][0] == box.id and seen[box.name][1] in right, f"{box}: {seen[box.name]}"

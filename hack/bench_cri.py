# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""bench_cri.py NAME=FOLDER...: drives engines through the same steps; begun by hack/bench-cri.

Every round takes each engine through all steps, in an order that turns with the round. What the rest of the machine does
hits all of them alike, so that the median of the ratios within a round says more than any time.
"""

import concurrent.futures
import os
import statistics
import sys
import time

import grpc
from runtime.v1 import api_pb2 as cri
from runtime.v1 import api_pb2_grpc as services

ROUNDS = int(os.environ.get("SKIFF_BENCH_RUNS", "10"))
PODS = int(os.environ.get("SKIFF_BENCH_PODS", "20"))
STEPS = ["RunPodSandbox", "CreateContainer", "StartContainer", "pod and container up", "ExecSync", "ContainerStatus",
         "StopContainer", "StopPodSandbox", "RemovePodSandbox"]


class Engine:
    def __init__(self, name, folder):
        with open(f"{folder}/env", encoding="utf-8") as file:
            env = dict(line.strip().split("=", 1) for line in file)
        self.name, self.image, self.folder = name, env["IMAGE"], folder
        channel = grpc.insecure_channel("unix:" + env["SOCKET"])
        self.runtime = services.RuntimeServiceStub(channel)
        images = services.ImageServiceStub(channel)
        images.PullImage(cri.PullImageRequest(image=cri.ImageSpec(image=self.image)), timeout=300)
        daemon = "skiffd" if name == "skiff" else name
        with open(f"{folder}/{daemon}.pid", encoding="utf-8") as file:
            self.pid = int(file.read())
        self.number = 0

    def memory(self):
        """Resident memory of the daemon in MiB."""
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as file:
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1]) / 1024

    def configs(self):
        self.number += 1
        name = f"bench-{self.number}"
        pod = cri.PodSandboxConfig(
            metadata=cri.PodSandboxMetadata(name=name, namespace="bench", uid=name), hostname=name,
            log_directory=f"{self.folder}/logs/{name}")
        container = cri.ContainerConfig(
            metadata=cri.ContainerMetadata(name="c"), image=cri.ImageSpec(image=self.image),
            command=["sleep", "1000"], log_path="c.log")
        return pod, container

    def up(self, timed=lambda name, work: work()):
        pod, container = self.configs()
        begin = time.perf_counter()
        identifier = timed("RunPodSandbox", lambda: self.runtime.RunPodSandbox(
            cri.RunPodSandboxRequest(config=pod), timeout=300).pod_sandbox_id)
        request = cri.CreateContainerRequest(pod_sandbox_id=identifier, config=container, sandbox_config=pod)
        made = timed("CreateContainer", lambda: self.runtime.CreateContainer(request, timeout=300).container_id)
        timed("StartContainer", lambda: self.runtime.StartContainer(
            cri.StartContainerRequest(container_id=made), timeout=300))
        return identifier, made, (time.perf_counter() - begin) * 1000

    def down(self, pod, timed=lambda name, work: work()):
        timed("StopPodSandbox", lambda: self.runtime.StopPodSandbox(
            cri.StopPodSandboxRequest(pod_sandbox_id=pod), timeout=300))
        timed("RemovePodSandbox", lambda: self.runtime.RemovePodSandbox(
            cri.RemovePodSandboxRequest(pod_sandbox_id=pod), timeout=300))

    def round(self):
        """Milliseconds of every step."""
        taken = {}

        def timed(name, work):
            begin = time.perf_counter()
            value = work()
            taken[name] = (time.perf_counter() - begin) * 1000
            return value

        pod, container, taken["pod and container up"] = self.up(timed)
        timed("ExecSync", lambda: self.runtime.ExecSync(
            cri.ExecSyncRequest(container_id=container, cmd=["true"]), timeout=300))
        timed("ContainerStatus", lambda: self.runtime.ContainerStatus(
            cri.ContainerStatusRequest(container_id=container), timeout=300))
        timed("StopContainer", lambda: self.runtime.StopContainer(
            cri.StopContainerRequest(container_id=container, timeout=0), timeout=300))
        self.down(pod, timed)
        return taken

    def at_once(self):
        """Seconds until so many pods are up, the daemon's memory with them, and milliseconds of lists."""
        begin = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(PODS) as pool:
            pods = [pod for pod, _, _ in pool.map(lambda _: self.up(), range(PODS))]
        seconds = time.perf_counter() - begin
        memory = self.memory()
        lists = []
        for _ in range(20):
            begin = time.perf_counter()
            self.runtime.ListContainers(cri.ListContainersRequest(), timeout=300)
            lists.append((time.perf_counter() - begin) * 1000)
        with concurrent.futures.ThreadPoolExecutor(PODS) as pool:
            list(pool.map(self.down, pods))
        return seconds, memory, statistics.median(lists)


def main():
    engines = [Engine(*argument.split("=", 1)) for argument in sys.argv[1:]]
    for engine in engines:
        engine.round()
    idle = {engine.name: engine.memory() for engine in engines}
    rounds = []
    for number in range(ROUNDS):
        turn = engines[number % len(engines):] + engines[:number % len(engines)]
        rounds.append({engine.name: engine.round() for engine in turn})
    names = [engine.name for engine in engines]
    first = names[0]
    print(f"\n{ROUNDS} rounds; milliseconds, minimum / median; ratio is the median within rounds\n")
    print("| step | " + " | ".join(names) + " | " + " | ".join(f"{first} / {name}" for name in names[1:]) + " |")
    print("|---" * (2 * len(names)) + "|")
    for step in STEPS:
        times = {name: [one[name][step] for one in rounds] for name in names}
        cells = [f"{min(times[name]):.1f} / {statistics.median(times[name]):.1f}" for name in names]
        ratios = [statistics.median(one[first][step] / one[name][step] for one in rounds) for name in names[1:]]
        print(f"| {step} | " + " | ".join(cells + [f"{ratio:.2f}" for ratio in ratios]) + " |")
    many = {engine.name: engine.at_once() for engine in engines}
    for place, (text, form) in enumerate([
            (f"{PODS} pods at once, s", "{:.2f}"), (f"daemon with {PODS} pods, MiB", "{:.1f}"),
            (f"ListContainers with {PODS}, ms", "{:.2f}")]):
        cells = [form.format(many[name][place]) for name in names]
        ratios = [f"{many[first][place] / many[name][place]:.2f}" for name in names[1:]]
        print(f"| {text} | " + " | ".join(cells + ratios) + " |")
    cells = [f"{idle[name]:.1f}" for name in names]
    print("| daemon idle, MiB | " + " | ".join(cells + [f"{idle[first] / idle[name]:.2f}" for name in names[1:]]) + " |")


main()

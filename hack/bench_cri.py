# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""bench_cri.py NAME=FOLDER...: drives engines through the same steps; begun by hack/bench-cri.

Every round takes each engine through all steps, in an order that turns with the round. What the rest of the machine does
hits all of them alike, so that the median of the ratios within a round says more than any time.
"""

import concurrent.futures
import os
import re
import statistics
import sys
import time

import grpc
from runtime.v1 import api_pb2 as cri
from runtime.v1 import api_pb2_grpc as services

ROUNDS = int(os.environ.get("SKIFF_BENCH_RUNS", "15"))
PODS = int(os.environ.get("SKIFF_BENCH_PODS", "50"))
CONTAINERS = int(os.environ.get("SKIFF_BENCH_CONTAINERS", "1000"))
STEPS = ["RunPodSandbox", "CreateContainer", "StartContainer", "pod and container up", "ExecSync", "ContainerStatus",
         "StopContainer", "StopPodSandbox", "RemovePodSandbox"]
# Requests for one percentile.
SAMPLES = 1000
# So long after its last request a daemon is at rest.
REST = 15


def milliseconds(work):
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def percentile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


class Engine:
    def __init__(self, name, folder):
        with open(f"{folder}/env", encoding="utf-8") as file:
            env = dict(line.strip().split("=", 1) for line in file)
        self.name, self.image, self.folder = name, env["IMAGE"], folder
        channel = grpc.insecure_channel("unix:" + env["SOCKET"], options=[("grpc.max_receive_message_length", 80 << 20)])
        self.runtime = services.RuntimeServiceStub(channel)
        images = services.ImageServiceStub(channel)
        images.PullImage(cri.PullImageRequest(image=cri.ImageSpec(image=self.image)), timeout=300)
        daemon = "skiffd" if name == "skiff" else name
        with open(f"{folder}/{daemon}.pid", encoding="utf-8") as file:
            self.pid = int(file.read())
        self.number = 0
        version = self.runtime.Version(cri.VersionRequest(), timeout=60)
        self.version = f"{version.runtime_name} {version.runtime_version}"

    def memory(self):
        """(RSS, PSS) of the daemon in MiB."""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="utf-8") as file:
            text = file.read()
        return [int(re.search(rf"^{kind}: +([0-9]+)", text, re.M).group(1)) / 1024 for kind in ("Rss", "Pss")]

    def pod_config(self):
        self.number += 1
        name = f"bench-{self.number}"
        return cri.PodSandboxConfig(
            metadata=cri.PodSandboxMetadata(name=name, namespace="bench", uid=name), hostname=name,
            log_directory=f"{self.folder}/logs/{name}")

    def run_pod(self):
        config = self.pod_config()
        return self.runtime.RunPodSandbox(cri.RunPodSandboxRequest(config=config), timeout=300).pod_sandbox_id, config

    def create(self, pod, config, name="c", command=("sleep", "1000")):
        container = cri.ContainerConfig(
            metadata=cri.ContainerMetadata(name=name), image=cri.ImageSpec(image=self.image), command=command,
            log_path=f"{name}.log", labels={"app": name})
        request = cri.CreateContainerRequest(pod_sandbox_id=pod, config=container, sandbox_config=config)
        return self.runtime.CreateContainer(request, timeout=300).container_id

    def start(self, container):
        self.runtime.StartContainer(cri.StartContainerRequest(container_id=container), timeout=300)

    def up(self, timed=lambda name, work: work()):
        pod, config = timed("RunPodSandbox", self.run_pod)
        container = timed("CreateContainer", lambda: self.create(pod, config))
        timed("StartContainer", lambda: self.start(container))
        return pod, container

    def down(self, pod, timed=lambda name, work: work()):
        timed("StopPodSandbox", lambda: self.runtime.StopPodSandbox(
            cri.StopPodSandboxRequest(pod_sandbox_id=pod), timeout=300))
        timed("RemovePodSandbox", lambda: self.runtime.RemovePodSandbox(
            cri.RemovePodSandboxRequest(pod_sandbox_id=pod), timeout=300))

    def status(self, container):
        return self.runtime.ContainerStatus(cri.ContainerStatusRequest(container_id=container), timeout=300)

    def round(self):
        """Milliseconds of every step."""
        taken = {}

        def timed(name, work):
            begin = time.perf_counter()
            value = work()
            taken[name] = (time.perf_counter() - begin) * 1000
            return value

        pod, container = self.up(timed)
        taken["pod and container up"] = sum(taken[name] for name in STEPS[:3])
        timed("ExecSync", lambda: self.runtime.ExecSync(
            cri.ExecSyncRequest(container_id=container, cmd=["true"]), timeout=300))
        timed("ContainerStatus", lambda: self.status(container))
        timed("StopContainer", lambda: self.runtime.StopContainer(
            cri.StopContainerRequest(container_id=container, timeout=0), timeout=300))
        self.down(pod, timed)
        return taken

    def at_once(self):
        """Seconds until so many pods are up, and the daemon's memory with them."""
        begin = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(PODS) as pool:
            pods = [pod for pod, _ in pool.map(lambda _: self.up(), range(PODS))]
        seconds = time.perf_counter() - begin
        memory = self.memory()
        time.sleep(REST)
        rest = self.memory()
        with concurrent.futures.ThreadPoolExecutor(PODS) as pool:
            list(pool.map(self.down, pods))
        return {f"{PODS} pods at once, s": seconds, f"daemon with {PODS} pods, RSS MiB": memory[0],
                f"daemon with {PODS} pods, PSS MiB": memory[1], f"the same {REST} s later, RSS MiB": rest[0]}

    def many(self):
        """Milliseconds of status and lists with so many containers, which have ended."""
        pods = [self.run_pod() for _ in range(10)]

        def one(number):
            container = self.create(*pods[number % 10], name=f"c{number}", command=["true"])
            self.start(container)
            return container

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            containers = list(pool.map(one, range(CONTAINERS)))
        statuses = [milliseconds(lambda: self.status(containers[number % CONTAINERS])) for number in range(SAMPLES)]
        lists = [milliseconds(lambda: self.runtime.ListContainers(cri.ListContainersRequest(), timeout=300))
                 for _ in range(SAMPLES // 5)]
        memory = self.memory()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda pod: self.down(pod[0]), pods))
        return {f"ContainerStatus of {CONTAINERS}, median ms": statistics.median(statuses),
                f"ContainerStatus of {CONTAINERS}, 99 % ms": percentile(statuses, 0.99),
                f"ListContainers of {CONTAINERS}, median ms": statistics.median(lists),
                f"ListContainers of {CONTAINERS}, 99 % ms": percentile(lists, 0.99),
                f"daemon with {CONTAINERS} containers, RSS MiB": memory[0]}


def print_rounds(names, rounds):
    first = names[0]
    print(f"\n{ROUNDS} rounds; milliseconds, minimum / median; ratio is the median within rounds\n")
    print("| step | " + " | ".join(names) + " | " + " | ".join(f"{first} / {name}" for name in names[1:]) + " |")
    print("|---" * (2 * len(names)) + "|")
    for step in STEPS:
        times = {name: [one[name][step] for one in rounds] for name in names}
        cells = [f"{min(times[name]):.1f} / {statistics.median(times[name]):.1f}" for name in names]
        ratios = [statistics.median(one[first][step] / one[name][step] for one in rounds) for name in names[1:]]
        print(f"| {step} | " + " | ".join(cells + [f"{ratio:.2f}" for ratio in ratios]) + " |", flush=True)


def print_values(names, values):
    """`values`: for each engine what was measured once, by the same texts."""
    for text in values[names[0]]:
        cells = [f"{values[name][text]:.2f}" for name in names]
        ratios = [f"{values[names[0]][text] / values[name][text]:.2f}" for name in names[1:]]
        print(f"| {text} | " + " | ".join(cells + ratios) + " |", flush=True)


def main():
    engines = [Engine(*argument.split("=", 1)) for argument in sys.argv[1:]]
    names = [engine.name for engine in engines]
    print(", ".join(engine.version for engine in engines))
    idle = {}
    for engine in engines:
        engine.round()
        memory = engine.memory()
        idle[engine.name] = {"daemon after a round, RSS MiB": memory[0], "daemon after a round, PSS MiB": memory[1]}
    time.sleep(REST)
    for engine in engines:
        idle[engine.name] |= {"daemon idle, RSS MiB": engine.memory()[0]}
    rounds = []
    for number in range(ROUNDS):
        turn = engines[number % len(engines):] + engines[:number % len(engines)]
        rounds.append({engine.name: engine.round() for engine in turn})
    print_rounds(names, rounds)
    print_values(names, idle)
    print_values(names, {engine.name: engine.at_once() for engine in engines})
    if CONTAINERS:
        print_values(names, {engine.name: engine.many() for engine in engines})


main()

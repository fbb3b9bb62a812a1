# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""The place of one pod: what is done with it at random, and what must be true of it then."""

import collections
import os
import signal

import grpc
from engine import cri, eventually
from soak.containers import Containers

Code = grpc.StatusCode
MOST = 4


class Slot(Containers):
    def __init__(self, patience, number):
        self.patience, self.engine, self.number = patience, patience.engine, number
        self.pod = self.config = None
        # absent, ready or stopped
        self.state, self.attempt, self.turn, self.boxes = "absent", 0, 0, {}
        self.port = 0
        self.counts = collections.Counter()

    # The choice.

    def step(self, chance):
        names = [name for name, weight in self.possible() for _ in range(weight)]
        self.do(chance.choice(names), chance)

    def do(self, name, *arguments):
        boxes = " ".join(f"{box.name}={box.state}" for box in self.boxes.values())
        self.patience.journal.write(f"pod {self.number} {self.state} [{boxes}]: {name}")
        self.counts[name] += 1
        try:
            getattr(self, name)(*arguments)
        except Exception as error:
            self.patience.journal.write(f"pod {self.number}: {name} failed: {type(error).__name__}: {error}")
            raise

    def possible(self):
        if self.state == "absent":
            return [("run", 6), ("run_abandoned", 1)]
        if self.state == "stopped":
            return [("run_refused", 1), ("remove_pod", 4), ("stop_pod", 1), ("look", 1)]
        rows = [("run_again", 1), ("look", 4), ("statistics", 1), ("stop_pod", 1), ("remove_pod", 1), ("lose_monitor", 1)]
        rows += [("lose_init", 1)] * (self.kind == "processes")
        if len(self.boxes) < MOST:
            rows += [("create", 12), ("create_abandoned", 1), ("create_broken", 1)]
        if self.having("created"):
            rows += [("start", 14), ("remove", 1), ("stop", 1)]
        if self.lasting():
            rows += [("execute", 10), ("execute_late", 1), ("execute_streamed", 1), ("stop", 3), ("update", 2), ("rotate", 2)]
            rows += [("fetch", 3)] * any(box.kind == "web" for box in self.lasting())
            rows += [("attach", 2)] * any(box.kind == "listener" for box in self.lasting())
        if self.brief():
            rows += [("await_end", 8)]
        if self.boxes:
            rows += [("remove", 3)]
        return rows

    # Pods.

    def fresh_config(self, chance):
        self.attempt += 1
        kind = chance.choice(["plain"] * 4 + ["ports", "processes", "host"])
        fields = {"hostname": f"soak-{self.number}"}
        if kind == "ports":
            self.port = 20000 + os.getpid() % 250 * 50 + self.number
            fields["port_mappings"] = [cri.PortMapping(host_port=self.port, container_port=80, host_ip="127.0.0.1")]
        if kind == "processes":
            options = cri.NamespaceOption(pid=cri.POD)
            fields["linux"] = cri.LinuxPodSandboxConfig(
                security_context=cri.LinuxSandboxSecurityContext(namespace_options=options),
                sysctls={"net.ipv4.ip_unprivileged_port_start": "0", "kernel.shmmni": "100"})
        if kind == "host":
            options = cri.NamespaceOption(network=cri.NODE)
            fields = {"linux": cri.LinuxPodSandboxConfig(
                security_context=cri.LinuxSandboxSecurityContext(namespace_options=options))}
        self.kind = kind
        self.config = self.engine.pod_config(f"soak-{self.number}", attempt=self.attempt, **fields)

    def ask_for_pod(self):
        return self.patience.call("RunPodSandbox", config=self.config).pod_sandbox_id

    def run(self, chance):
        self.fresh_config(chance)
        self.pod = self.ask_for_pod()
        self.state = "ready"
        self.look()

    def run_abandoned(self, chance):
        self.fresh_config(chance)
        request = cri.RunPodSandboxRequest(config=self.config)
        self.patience.abandon("RunPodSandbox", chance.uniform(0.005, 0.3), request)
        self.pod = self.ask_for_pod()
        self.state = "ready"
        self.look()

    def run_again(self, chance):
        again = self.ask_for_pod()
        assert again == self.pod, f"a second pod {again} beside {self.pod}"

    def run_refused(self, chance):
        code = self.patience.refusal("RunPodSandbox", config=self.config)
        assert code == Code.ALREADY_EXISTS, code

    def stop_pod(self, chance=None):
        self.patience.call("StopPodSandbox", pod_sandbox_id=self.pod)
        self.state = "stopped"
        for box in self.boxes.values():
            box.state = "ended"
            # Killed, unless it was faster.
            box.codes += (137,)
        self.look()

    def remove_pod(self, chance=None):
        self.patience.call("RemovePodSandbox", pod_sandbox_id=self.pod)
        assert self.patience.refusal("PodSandboxStatus", pod_sandbox_id=self.pod) == Code.NOT_FOUND
        for box in self.boxes.values():
            assert self.patience.refusal("ContainerStatus", container_id=box.id) == Code.NOT_FOUND
        self.pod, self.state, self.boxes, self.port = None, "absent", {}, 0

    def lose_monitor(self, chance):
        self.lose(self.engine.monitor_pid(self.pod), 137, 0, 128)

    def lose_init(self, chance):
        """Takes all along that runs in the PID namespace; that the monitor sees, and tells how it ended."""
        self.lose(self.engine.init_pid(self.pod), 137)
        for box in self.boxes.values():
            code = self.status(box).exit_code
            assert code in box.codes, f"{box}: code {code}"

    def lose(self, pid, *codes):
        """Kills what the pod cannot be without."""
        os.kill(pid, signal.SIGKILL)
        eventually("the pod is not ready", lambda: self.pod_status().state == cri.SANDBOX_NOTREADY)
        self.state = "stopped"
        for box in self.boxes.values():
            box.state = "ended"
            box.codes += codes
            box.lines = None
            eventually("the container has ended", lambda box=box: self.status(box).state == cri.CONTAINER_EXITED)

    def pod_status(self):
        return self.patience.call("PodSandboxStatus", pod_sandbox_id=self.pod).status

    # The ends of chapters.

    def clear(self):
        if self.state == "ready" and self.boxes:
            self.do("stop_pod")
        if self.state != "absent":
            self.do("remove_pod")

    def rehearse(self, chance):
        """Everything once that opens something for good."""
        self.do("run", chance)
        for kind in ("web", "listener", "short", "terminal"):
            self.do("create", chance, kind)
            self.do("start", chance)
        for name in ("execute", "execute_streamed", "attach", "statistics", "await_end"):
            self.do(name, chance)
        self.clear()

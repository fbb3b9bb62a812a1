# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""One run of one check: pods and containers of its own, which are gone afterwards."""

import os
import shutil
import tempfile
import time
import uuid

import grpc
from machine.client import DEADLINE
from runtime.v1 import api_pb2 as cri
from suite.expect import that


class Case:
    def __init__(self, client, name, options):
        self.client, self.options, self.image = client, options, options.image
        self.folder = tempfile.mkdtemp(prefix="cri-check.", dir=options.folder)
        self.name = name.replace("_", "-").replace(".", "-")[:40] + "-" + uuid.uuid4().hex[:6]
        self.pods = []

    def call(self, method, **fields):
        """One request by the names of its fields."""
        service = self.client.call if hasattr(self.client.runtime, method) else self.client.image_call
        kind = "GetEventsRequest" if method == "GetContainerEvents" else f"{method}Request"
        return service(method, getattr(cri, kind)(**fields))

    def finish(self):
        """Removes every pod; what is left of one is a failure."""
        present = {pod.id for pod in self.call("ListPodSandbox").items}
        for pod in present.intersection(self.pods):
            self.call("StopPodSandbox", pod_sandbox_id=pod)
            self.call("RemovePodSandbox", pod_sandbox_id=pod)
        left = {pod.id for pod in self.call("ListPodSandbox").items} & set(self.pods)
        that(not left, f"pods are left: {left}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def eventually(self, what, condition, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"never happened: {what}")

    def refused(self, code, work, *words):
        """The work fails with the code, and its message holds the words."""
        try:
            work()
        except grpc.RpcError as error:
            codes = code if isinstance(code, tuple) else (code,)
            that(error.code() in codes, f"{error.code()}: {error.details()}; expected {code}")
            for word in words:
                that(word in error.details(), f"no {word!r} in {error.details()!r}")
            return error
        raise AssertionError(f"not refused; expected {code}")

    # Pods.

    def pod_config(self, suffix="", **fields):
        name = self.name + suffix
        fields.setdefault("log_directory", f"{self.folder}/logs{suffix}")
        fields.setdefault("hostname", name)
        metadata = cri.PodSandboxMetadata(name=name, namespace="checks", uid=name, attempt=fields.pop("attempt", 0))
        return cri.PodSandboxConfig(metadata=metadata, **fields)

    def pod(self, suffix="", **fields):
        """The id of a pod that runs, and its configuration."""
        config = self.pod_config(suffix, **fields)
        request = cri.RunPodSandboxRequest(config=config, runtime_handler=self.options.handler)
        identifier = self.client.call("RunPodSandbox", request).pod_sandbox_id
        if identifier not in self.pods:
            self.pods.append(identifier)
        return identifier, config

    def pod_status(self, pod):
        return self.call("PodSandboxStatus", pod_sandbox_id=pod).status

    # Containers.

    def create(self, pod, command=("sleep", "1000"), name="c", **fields):
        identifier, config = pod
        fields.setdefault("log_path", f"{name}.log")
        container = cri.ContainerConfig(
            metadata=cri.ContainerMetadata(name=name, attempt=fields.pop("attempt", 0)),
            image=cri.ImageSpec(image=fields.pop("image", self.image)), command=list(command), **fields)
        request = cri.CreateContainerRequest(pod_sandbox_id=identifier, config=container, sandbox_config=config)
        return self.client.call("CreateContainer", request).container_id

    def start(self, container):
        self.call("StartContainer", container_id=container)
        return container

    def run(self, pod, command=("sleep", "1000"), **fields):
        return self.start(self.create(pod, command, **fields))

    def shell(self, pod, script, **fields):
        return self.run(pod, ["sh", "-c", script], **fields)

    def status(self, container):
        return self.call("ContainerStatus", container_id=container).status

    def ended(self, container):
        def end():
            status = self.status(container)
            return status if status.state == cri.CONTAINER_EXITED else None

        return self.eventually("the container ends", end)

    def exec(self, container, *command, timeout=0):
        request = cri.ExecSyncRequest(container_id=container, cmd=list(command), timeout=timeout)
        return self.client.call("ExecSync", request, timeout=DEADLINE)

    def output(self, container, script):
        answer = self.exec(container, "sh", "-c", script)
        that(answer.exit_code == 0, f"{script}: {answer.exit_code}: {answer.stderr.decode()}")
        return answer.stdout.decode().strip()

    def log(self, pod, name="c"):
        """(stream, tag, text) of each line, or nothing yet."""
        path = os.path.join(pod[1].log_directory, f"{name}.log")
        if not os.path.exists(path):
            return []
        return [tuple(line.split(" ", 3)[1:]) for line in open(path, encoding="utf-8").read().splitlines()]

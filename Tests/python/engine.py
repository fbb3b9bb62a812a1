# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""A private engine: hack/engine's, with a gRPC client on its socket."""

import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import grpc
import waiting
from runtime.v1 import api_pb2 as cri
from runtime.v1 import api_pb2_grpc as services

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ["SKIFF_PROGRAMS"])
# Only there to end a test that hangs.
DEADLINE = 120
eventually = functools.partial(waiting.eventually, seconds=DEADLINE)


class Engine:
    # The command that runs another where the engine is, if that is elsewhere.
    entry = ()

    def __init__(self, handler="skiffrun"):
        self.parent = pathlib.Path(tempfile.mkdtemp(prefix="skiff-py-"))
        # Users of pods that are not root must get to their files.
        self.parent.chmod(0o711)
        self.folder = self.parent / "engine"
        try:
            self.script("up", str(self.folder), handler)
        except BaseException:
            subprocess.run([*self.entry, REPOSITORY / "hack/engine", "down", str(self.folder)], capture_output=True)
            shutil.rmtree(self.parent, ignore_errors=True)
            raise
        lines = (self.folder / "env").read_text().splitlines()
        self.env = dict(line.split("=", 1) for line in lines)
        self.image = self.env["IMAGE"]
        self.connect()

    def script(self, command, *arguments):
        done = subprocess.run(
            [*self.entry, REPOSITORY / "hack/engine", command, *arguments], capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"hack/engine {command}: {done.stdout}{done.stderr}{self.daemon_log()}"

    def daemon_log(self):
        log = self.folder / "skiffd.log"
        return log.read_text()[-4000:] if log.exists() else ""

    def connect(self):
        options = [
            ("grpc.max_reconnect_backoff_ms", 200), ("grpc.initial_reconnect_backoff_ms", 50),
            # What kubelet allows; the default is 4 MiB.
            ("grpc.max_receive_message_length", 80 << 20),
        ]
        self.channel = grpc.insecure_channel("unix:" + self.env["SOCKET"], options=options)
        self.runtime = services.RuntimeServiceStub(self.channel)
        self.images = services.ImageServiceStub(self.channel)

    def down(self):
        self.channel.close()
        try:
            self.script("down", str(self.folder))
        finally:
            shutil.rmtree(self.parent, ignore_errors=True)

    # The daemon as a process.

    def daemon_pid(self):
        return int((self.folder / "skiffd.pid").read_text())

    def kill_daemon(self):
        pid = self.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        eventually("skiffd is gone", lambda: is_zombie(pid))

    def start_daemon(self):
        self.script("daemon", str(self.folder))
        self.channel.close()
        self.connect()

    def configure(self, text):
        """The daemon starts again with these settings besides its own."""
        folder = self.folder / "skiff.toml.d"
        folder.mkdir(exist_ok=True)
        (folder / "tests.toml").write_text(text)
        self.kill_daemon()
        self.start_daemon()

    def monitor_pid(self, pod):
        """The pod's monitor, and no child of it that has not become another program, or never will: the init of its PID
        namespace."""
        wanted, found = f"pods/{pod}".encode(), {}
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                if arguments[0].endswith(b"skiffmon") and any(a.endswith(wanted) for a in arguments):
                    found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        return next((pid for pid, parent in found.items() if parent not in found), None)

    def init_pid(self, pod):
        """The init of the PID namespace that the pod's containers share."""
        monitor = self.monitor_pid(pod)
        children = pathlib.Path(f"/proc/{monitor}/task/{monitor}/children").read_text().split()
        return next(int(pid) for pid in children if self.name_of(pid) == "skiff-pause\n")

    @staticmethod
    def name_of(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/comm").read_text()
        except OSError:
            return None

    # Shorthands of the CRI.

    def pull(self):
        spec = cri.ImageSpec(image=self.image)
        return self.images.PullImage(cri.PullImageRequest(image=spec), timeout=DEADLINE).image_ref

    def pod_config(self, name, attempt=0, **fields):
        fields.setdefault("log_directory", str(self.folder / "logs" / name))
        return cri.PodSandboxConfig(
            metadata=cri.PodSandboxMetadata(name=name, namespace="test", uid="uid-" + name, attempt=attempt), **fields
        )

    def run_pod(self, name, **fields):
        config = self.pod_config(name, **fields)
        request = cri.RunPodSandboxRequest(config=config)
        return self.runtime.RunPodSandbox(request, timeout=DEADLINE).pod_sandbox_id, config

    def create(self, pod, pod_config, name, command, **fields):
        fields.setdefault("log_path", name + ".log")
        config = cri.ContainerConfig(
            metadata=cri.ContainerMetadata(name=name), image=cri.ImageSpec(image=self.image), command=command, **fields
        )
        request = cri.CreateContainerRequest(pod_sandbox_id=pod, config=config, sandbox_config=pod_config)
        return self.runtime.CreateContainer(request, timeout=DEADLINE).container_id

    def start(self, container):
        self.runtime.StartContainer(cri.StartContainerRequest(container_id=container), timeout=DEADLINE)

    def launch(self, pod, pod_config, name, command, **fields):
        container = self.create(pod, pod_config, name, command, **fields)
        self.start(container)
        return container

    def shell(self, pod, pod_config, name, script, **fields):
        return self.launch(pod, pod_config, name, ["sh", "-c", script], **fields)

    def status(self, container):
        request = cri.ContainerStatusRequest(container_id=container)
        return self.runtime.ContainerStatus(request, timeout=DEADLINE).status

    def wait_exit(self, container):
        def ended():
            status = self.status(container)
            return status if status.state == cri.CONTAINER_EXITED else None

        return eventually(f"container {container} ends", ended)

    def stop(self, container, timeout=1):
        request = cri.StopContainerRequest(container_id=container, timeout=timeout)
        self.runtime.StopContainer(request, timeout=DEADLINE)

    def remove(self, container):
        self.runtime.RemoveContainer(cri.RemoveContainerRequest(container_id=container), timeout=DEADLINE)

    def exec(self, container, *command, timeout=0):
        request = cri.ExecSyncRequest(container_id=container, cmd=list(command), timeout=timeout)
        return self.runtime.ExecSync(request, timeout=DEADLINE)

    def pod_status(self, pod):
        request = cri.PodSandboxStatusRequest(pod_sandbox_id=pod)
        return self.runtime.PodSandboxStatus(request, timeout=DEADLINE).status

    def pods(self):
        return self.runtime.ListPodSandbox(cri.ListPodSandboxRequest(), timeout=DEADLINE).items

    def containers(self):
        return self.runtime.ListContainers(cri.ListContainersRequest(), timeout=DEADLINE).containers

    def stop_pod(self, pod):
        self.runtime.StopPodSandbox(cri.StopPodSandboxRequest(pod_sandbox_id=pod), timeout=DEADLINE)

    def remove_pod(self, pod):
        self.runtime.RemovePodSandbox(cri.RemovePodSandboxRequest(pod_sandbox_id=pod), timeout=DEADLINE)

    def log(self, name, container):
        """The parsed log: (stream, tag, text) for each line."""
        lines = (self.folder / "logs" / name / f"{container}.log").read_text().splitlines()
        return [tuple(line.split(" ", 3)[1:]) for line in lines]

    def client(self, *arguments):
        """The command that has skiffctl do something with this engine."""
        return [PROGRAMS / "skiffctl", "-r", "unix://" + self.env["SOCKET"], *arguments]

    def skiffctl(self, *arguments, status=0):
        done = subprocess.run(
            self.client(*arguments), capture_output=True, text=True, timeout=DEADLINE,
        )
        assert done.returncode == status, f"skiffctl {arguments}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout if status == 0 else done.stderr

    # What there is of this engine in the kernel.

    def mounts(self):
        with open("/proc/self/mountinfo") as table:
            return [line.split()[4] for line in table if str(self.folder) + "/" in line]

    def cgroups(self):
        roots = pathlib.Path("/sys/fs/cgroup")
        name = self.env["CGROUP"]
        trees = [p for p in [roots / name, *roots.glob(f"*/{name}")] if p.is_dir()]
        return [str(p) for tree in trees for p in tree.rglob("*") if p.is_dir()]

    def interfaces(self):
        done = subprocess.run(
            ["ip", "-j", "link", "show", "master", self.env["BRIDGE"]], capture_output=True, text=True
        )
        return [link["ifname"] for link in json.loads(done.stdout or "[]") if link]

    def addresses(self):
        return [p.name for p in (self.folder / "addresses").glob("*/[0-9]*.*")]

    def leftovers(self):
        """Whatever a pod leaves; empty when no pod is there."""
        return {
            "mounts": self.mounts(), "cgroups": self.cgroups(), "interfaces": self.interfaces(),
            "addresses": self.addresses(), "monitors": self.monitors(),
        }

    def monitors(self):
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                arguments = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"skiffmon" in arguments and str(self.folder).encode() in arguments:
                found.append(entry.name)
        return found

    def assert_clean(self):
        def clean():
            return not any(self.leftovers().values())

        try:
            eventually("nothing is left", clean, seconds=20)
        except AssertionError:
            raise AssertionError(f"left behind: {self.leftovers()}") from None


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True

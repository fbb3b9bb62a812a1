# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Containers: life, status, lists, exec."""

import grpc
from runtime.v1 import api_pb2 as cri
from suite.expect import contains, equal, lacks, that
from suite.registry import check

Code = grpc.StatusCode
UNKNOWN = "f" * 64


@check
def states_and_times(case):
    """A container is created, running, exited; its times follow each other (api.proto, ContainerStatus)."""
    container = case.create(case.pod(), labels={"a": "b"}, annotations={"c": "d"})
    status = case.status(container)
    equal((status.state, status.started_at, status.finished_at), (cri.CONTAINER_CREATED, 0, 0))
    equal((dict(status.labels), dict(status.annotations)), ({"a": "b"}, {"c": "d"}))
    case.start(container)
    equal(case.status(container).state, cri.CONTAINER_RUNNING)
    case.call("StopContainer", container_id=container, timeout=0)
    status = case.status(container)
    equal(status.state, cri.CONTAINER_EXITED)
    that(0 < status.created_at <= status.started_at <= status.finished_at, "times are out of order")


@check
def exit_codes_and_reasons(case):
    """Exit codes 0 and others have the reasons Completed and Error; a signal is 128 and its number."""
    pod = case.pod()
    good, bad = case.ended(case.run(pod, ["true"], name="a")), case.ended(case.shell(pod, "exit 3", name="b"))
    equal((good.exit_code, good.reason), (0, "Completed"))
    equal((bad.exit_code, bad.reason), (3, "Error"))
    killed = case.run(pod, name="d")
    case.call("StopContainer", container_id=killed, timeout=0)
    equal(case.status(killed).exit_code, 137)


@check
def the_grace_period(case):
    """StopContainer sends SIGTERM and waits its time; what ends itself keeps its exit code."""
    pod = case.pod()
    container = case.shell(pod, "trap 'exit 5' TERM; echo ready; while true; do sleep 0.1; done")
    case.eventually("it is ready", lambda: case.log(pod))
    case.call("StopContainer", container_id=container, timeout=60)
    equal(case.status(container).exit_code, 5)


@check
def a_start_that_fails(case):
    """StartContainer of a program that is not there fails, and the container does not run afterwards."""
    pod = case.pod()
    try:
        container = case.create(pod, ["/no/such/program"])
    except grpc.RpcError as error:
        # Some runtimes look for the program when the container is created.
        contains(error.details().lower(), "no such file")
        return
    case.refused((Code.UNKNOWN, Code.INTERNAL, Code.FAILED_PRECONDITION, Code.NOT_FOUND, Code.INVALID_ARGUMENT),
                 lambda: case.start(container))
    that(case.status(container).state != cri.CONTAINER_RUNNING, "it runs")


@check
def starting_twice_is_refused(case):
    """StartContainer is for created containers only."""
    container = case.run(case.pod())
    case.refused((Code.FAILED_PRECONDITION, Code.UNKNOWN), lambda: case.start(container))


@check
def stop_and_remove_repeat(case):
    """StopContainer and RemoveContainer may be repeated; of unknown containers they are right (api.proto)."""
    container = case.run(case.pod())
    for _ in range(2):
        case.call("StopContainer", container_id=container, timeout=0)
    for _ in range(2):
        case.call("RemoveContainer", container_id=container)
    for method in ["StopContainer", "RemoveContainer"]:
        case.call(method, container_id=UNKNOWN)
    case.refused(Code.NOT_FOUND, lambda: case.status(container))


@check
def removing_forces(case):
    """RemoveContainer kills a running container (api.proto, RemoveContainer)."""
    container = case.run(case.pod())
    case.call("RemoveContainer", container_id=container)
    case.refused(Code.NOT_FOUND, lambda: case.status(container))


@check
def names_are_unique_and_free_again(case):
    """Two containers of a pod cannot have one name and attempt; a removed container's name is free."""
    pod = case.pod()
    first = case.create(pod)
    case.refused((Code.ALREADY_EXISTS, Code.UNKNOWN), lambda: case.create(pod))
    case.create(pod, attempt=1)
    case.call("RemoveContainer", container_id=first)
    that(case.create(pod) != first, "the same id")


@check
def lists_are_filtered(case):
    """ListContainers takes id, pod, state and labels together; an unknown id is an empty list (ContainerFilter)."""
    pod = case.pod()
    one, two = case.run(pod, name="one", labels={"n": "1"}), case.create(pod, name="two", labels={"n": "2"})

    def ids(**fields):
        return {c.id for c in case.call("ListContainers", filter=cri.ContainerFilter(**fields)).containers}

    equal(ids(pod_sandbox_id=pod[0]), {one, two})
    equal(ids(pod_sandbox_id=pod[0], label_selector={"n": "2"}), {two})
    running = cri.ContainerStateValue(state=cri.CONTAINER_RUNNING)
    equal(ids(pod_sandbox_id=pod[0], state=running), {one})
    equal(ids(id=two[:16]), {two})
    equal(ids(id=UNKNOWN), set())


@check
def the_image_has_one_identity(case):
    """image_id of a container is the id of its image, and what PullImage returned (critest, image identity)."""
    reference = case.client.pull(case.image)
    image = case.call("ImageStatus", image=cri.ImageSpec(image=case.image)).image
    status = case.status(case.create(case.pod()))
    equal(reference, image.id)
    equal(status.image_id, image.id)
    that(status.image_ref, "no image_ref")


@check
def commands_and_arguments(case):
    """command replaces entrypoint and arguments of the image, args its arguments alone (Kubernetes' rules)."""
    pod = case.pod()
    case.ended(case.run(pod, [], args=["sh", "-c", "echo from args"], name="a"))
    equal(case.log(pod, "a"), [("stdout", "F", "from args")])
    case.ended(case.run(pod, ["sh"], args=["-c", "echo from both"], name="b"))
    equal(case.log(pod, "b"), [("stdout", "F", "from both")])


@check
def environment_and_directory(case):
    """Variables of the request win over the image's; the working directory is the request's."""
    container = case.run(
        case.pod(), working_dir="/etc", envs=[cri.KeyValue(key="COLOUR", value=b"blue"), cri.KeyValue(key="X", value=b"a=b c")])
    equal(case.output(container, "pwd; echo $COLOUR; echo $X"), "/etc\nblue\na=b c")


@check
def logs_have_their_form(case):
    """Each line of a log has time, stream, tag and text; a line without an end is partial (CRI log format)."""
    pod = case.pod()
    case.ended(case.shell(pod, "echo out; echo err >&2; printf half"))
    lines = case.log(pod)
    equal({line for line in lines if line[0] == "stderr"}, {("stderr", "F", "err")})
    equal([line for line in lines if line[0] == "stdout"], [("stdout", "F", "out"), ("stdout", "P", "half")])


@check
def exec_sync(case):
    """ExecSync returns both outputs and the exit code."""
    container = case.run(case.pod())
    answer = case.exec(container, "sh", "-c", "echo out; echo err >&2; exit 7")
    equal((answer.stdout, answer.stderr, answer.exit_code), (b"out\n", b"err\n", 7))


@check
def exec_sync_ends_at_its_time(case):
    """ExecSync past its timeout is an error, and the command is gone (critest, execSync with timeout)."""
    container = case.run(case.pod())
    case.refused(Code.DEADLINE_EXCEEDED, lambda: case.exec(container, "sleep", "4242", timeout=1))
    case.eventually("it is gone", lambda: "4242" not in case.output(container, "ps"))


@check
def exec_needs_a_running_container(case):
    """ExecSync in a container that is unknown, or does not run, is refused."""
    case.refused(Code.NOT_FOUND, lambda: case.exec(UNKNOWN, "true"))
    container = case.create(case.pod())
    case.refused((Code.FAILED_PRECONDITION, Code.UNKNOWN), lambda: case.exec(container, "true"))


@check
def output_is_capped(case):
    """ExecSync keeps 16 MiB of each output, drops the rest and lets the command end (api.proto, ExecSyncResponse)."""
    container = case.run(case.pod())
    answer = case.exec(container, "sh", "-c", "head -c 17000000 /dev/zero; echo done >&2")
    equal((len(answer.stdout), answer.stderr, answer.exit_code), (16 << 20, b"done\n", 0))


output_is_capped.takes_long = True


@check
def limits_are_changed(case):
    """UpdateContainerResources changes a running container, and ContainerStatus tells of it (api.proto)."""
    linux = cri.LinuxContainerConfig(resources=cri.LinuxContainerResources(memory_limit_in_bytes=64 << 20))
    container = case.run(case.pod(), linux=linux)
    case.call("UpdateContainerResources", container_id=container,
              linux=cri.LinuxContainerResources(memory_limit_in_bytes=96 << 20))
    equal(case.status(container).resources.linux.memory_limit_in_bytes, 96 << 20)


@check
def out_of_memory(case):
    """A container that the kernel kills for want of memory has the reason OOMKilled and code 137 (critest)."""
    linux = cri.LinuxContainerConfig(resources=cri.LinuxContainerResources(memory_limit_in_bytes=16 << 20))
    status = case.ended(case.shell(case.pod(), "x=x; while true; do x=$x$x; done", linux=linux))
    equal((status.exit_code, status.reason), (137, "OOMKilled"))


@check
def verbose_status_has_the_specification(case):
    """ContainerStatus with verbose has info, without it none (api.proto, ContainerStatusResponse)."""
    container = case.create(case.pod())
    that(case.call("ContainerStatus", container_id=container, verbose=True).info, "no info")
    lacks(case.call("ContainerStatus", container_id=container).info, "info")

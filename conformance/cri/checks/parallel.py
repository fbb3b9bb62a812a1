# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Many requests at once, deadlines, clients that go away."""

import concurrent.futures

import grpc
from runtime.v1 import api_pb2 as cri
from suite.expect import equal, that
from suite.registry import check

Code = grpc.StatusCode


@check(alone=True)
def pods_at_once(case):
    """Twenty pods with a container each come up at once, and go."""
    def one(number):
        pod = case.pod(f"-{number}")
        return case.status(case.run(pod)).state

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        equal(set(pool.map(one, range(20))), {cri.CONTAINER_RUNNING})


@check
def one_name_many_times(case):
    """Requests for one pod at once all get the same pod, or are refused; there is one pod in the end."""
    def one(_):
        try:
            return case.pod()[0]
        except grpc.RpcError:
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        that(len(set(pool.map(one, range(8))) - {None}) == 1, "more than one pod, or none")
    found = [p for p in case.call("ListPodSandbox").items if p.metadata.name == case.name]
    equal(len(found), 1)


@check
def a_client_that_gave_up(case):
    """The retry of a request whose client gave up gets a pod, and there is one (kubelet repeats with the same name)."""
    config = case.pod_config()
    request = cri.RunPodSandboxRequest(config=config, runtime_handler=case.options.handler)
    try:
        case.client.call("RunPodSandbox", request, timeout=0.01)
    except grpc.RpcError as error:
        equal(error.code(), Code.DEADLINE_EXCEEDED)

    def again():
        try:
            return case.client.call("RunPodSandbox", request).pod_sandbox_id
        except grpc.RpcError:
            return None

    case.pods.append(case.eventually("the retry works", again, seconds=180))
    found = [p for p in case.call("ListPodSandbox").items if p.metadata.name == case.name]
    equal(len(found), 1)


@check
def a_stop_does_not_hold_up_a_status(case):
    """ContainerStatus answers while a StopContainer waits for its grace period."""
    pod = case.pod()
    container = case.shell(pod, "trap '' TERM; echo ready; while true; do sleep 0.1; done")
    case.eventually("it is ready", lambda: case.log(pod))
    stop = case.client.runtime.StopContainer.future(cri.StopContainerRequest(container_id=container, timeout=60))
    try:
        equal(case.client.call("ContainerStatus", cri.ContainerStatusRequest(container_id=container), timeout=20)
              .status.state, cri.CONTAINER_RUNNING)
        # A later request may shorten the time that is left.
        case.call("StopContainer", container_id=container, timeout=0)
    finally:
        stop.result(120)
    equal(case.status(container).state, cri.CONTAINER_EXITED)

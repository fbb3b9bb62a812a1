# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Pods whose users the engine chooses, from what the machine's /etc/subuid and /etc/subgid leave to containers."""

import concurrent.futures
import os

import grpc
import pytest
from separate import SeparateEngine
from test_user_namespaces import FIRST, output, process_of

Code = grpc.StatusCode
NAME = "userns-mode.crio.io"
# Three pods' worth; the groups are others than the users.
FILES = (
    "mkdir /mnt/upper /mnt/work && mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work etc /etc && "
    "printf 'alice:100000:65536\\ncontainers:300000:196608\\n' >/etc/subuid && "
    "printf 'containers:600000:200000\\n' >/etc/subgid"
)


@pytest.fixture(scope="module")
def engine():
    one = SeparateEngine(prepare=FILES)
    try:
        one.configure(f'[runtime.handlers.skiffrun]\nallowed_annotations = ["{NAME}"]\n')
        one.pull()
        yield one
    finally:
        one.down()


def run(engine, name, mode="auto"):
    return engine.run_pod(name, annotations={NAME: mode})


def ranges(engine, pod):
    options = engine.pod_status(pod[0]).linux.namespaces.options.userns_options
    (users,), (groups,) = options.uids, options.gids
    assert (users.container_id, users.length, groups.length) == (0, 65536, 65536)
    return users.host_id, groups.host_id


def test_no_two_pods_have_the_same(engine, refused):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pods = list(pool.map(lambda number: run(engine, f"pod-{number}"), range(3)))
    chosen = [ranges(engine, pod) for pod in pods]
    assert sorted(chosen) == [(FIRST + number * 65536, 600_000 + number * 65536) for number in range(3)]
    with refused(Code.UNAVAILABLE, "/etc/subuid", "65536"):
        run(engine, "one-more")
    for pod, (user, group) in zip(pods, chosen):
        container = engine.shell(*pod, "c", "sleep 1000")
        assert output(engine, container, "id -u; cat /proc/self/uid_map").split() == ["0", "0", str(user), "65536"]
        status = os.stat(process_of(engine, container))
        assert (status.st_uid, status.st_gid) == (user, group)
    # Also a daemon that finds the pods knows what they have; of one that is stopped there may be files.
    engine.kill_daemon()
    engine.start_daemon()
    engine.stop_pod(pods[1][0])
    with refused(Code.UNAVAILABLE, "/etc/subuid"):
        run(engine, "one-more")
    engine.remove_pod(pods[1][0])
    pods[1] = run(engine, "one-more")
    assert ranges(engine, pods[1]) == chosen[1]
    for pod in pods:
        engine.remove_pod(pod[0])


def test_what_is_refused(engine, refused):
    for mode in ["auto:keep-id=true", "auto:size=0", "host"]:
        with refused(Code.INVALID_ARGUMENT, NAME):
            run(engine, "wrong", mode)
    with refused(Code.UNAVAILABLE, "/etc/subuid", "1000000"):
        run(engine, "big", "auto:size=1000000")

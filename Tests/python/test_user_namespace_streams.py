# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Logs, execs, attached clients and terminals of pods whose users are others on the machine: what is tested with all pods."""

import pytest
import test_monitor
import test_streaming
from engine import Engine, cri
from test_streaming import EVERY_RUNTIME
from test_streaming import TestAttach as AnyAttach
from test_streaming import TestExec as AnyExec
from test_terminal import TestShell as AnyShell
from test_user_namespaces import mapping, options, pod_with, secure


class MappedEngine(Engine):
    """Its pods have user namespaces, and their volumes have the owners that they have on the machine."""

    def run_pod(self, name, **fields):
        return super().run_pod(name, linux=pod_with(options()), **fields)

    def create(self, pod, pod_config, name, command, mounts=(), **fields):
        mapped = cri.Mount(uidMappings=[mapping()], gidMappings=[mapping()])
        for mount in mounts:
            mount.MergeFrom(mapped)
        return super().create(pod, pod_config, name, command, linux=secure(), mounts=mounts, **fields)


@pytest.fixture(scope="module", params=["skiffrun"])
def engine(request):
    one = MappedEngine(handler=request.param)
    try:
        one.pull()
        yield one
    finally:
        one.down()


sleeper = test_streaming.sleeper
test_rotation_loses_nothing = test_monitor.test_rotation_loses_nothing
test_a_full_disk_is_counted = test_monitor.test_a_full_disk_is_counted
test_many_execs_at_a_time = test_monitor.test_many_execs_at_a_time
test_execs_go_on_while_the_daemon_is_away = test_monitor.test_execs_go_on_while_the_daemon_is_away
test_many_lines_without_end_and_at_once = test_monitor.test_many_lines_without_end_and_at_once
test_outputs_and_input_that_nobody_uses = test_monitor.test_outputs_and_input_that_nobody_uses


class TestMapped:
    pytestmark = EVERY_RUNTIME

    test_spdy = AnyExec.test_spdy
    test_websocket = AnyExec.test_websocket
    test_terminal = AnyExec.test_terminal
    test_what_cannot_be_run = AnyExec.test_what_cannot_be_run
    test_it_goes_with_its_client = AnyExec.test_it_goes_with_its_client
    test_leaving_is_a_hangup = AnyExec.test_leaving_is_a_hangup
    test_output_and_input = AnyAttach.test_output_and_input
    test_bytes_in_both_directions = AnyAttach.test_bytes_in_both_directions
    test_an_attached_terminal = AnyAttach.test_a_terminal
    shell = AnyShell.shell
    test_it_feels_like_a_shell = AnyShell.test_it_feels_like_a_shell

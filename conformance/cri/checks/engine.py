# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Version, status, configuration."""

from runtime.v1 import api_pb2 as cri
from suite.expect import contains, equal, that
from suite.registry import check


@check
def version_is_v1(case):
    """Version names the engine and answers v1 (api.proto, VersionResponse)."""
    equal(case.client.version.runtime_api_version, "v1")
    that(case.client.version.runtime_name, "no name")
    that(case.client.version.runtime_version, "no version")


@check
def conditions_are_ready(case):
    """Status tells RuntimeReady and NetworkReady (api.proto, RuntimeStatus)."""
    conditions = {c.type: c.status for c in case.call("Status").status.conditions}
    equal({name: conditions.get(name) for name in ("RuntimeReady", "NetworkReady")},
          {"RuntimeReady": True, "NetworkReady": True})


@check
def verbose_status_tells_more(case):
    """Status with verbose has info (api.proto, StatusResponse)."""
    that(case.call("Status", verbose=True).info, "no info")


@check
def handlers_and_features(case):
    """Status lists the default handler by the empty name, and says what it can do (api.proto, RuntimeHandler)."""
    contains([h.name for h in case.call("Status").runtime_handlers], "")


@check
def cgroup_driver_is_told(case):
    """RuntimeConfig tells the cgroup driver (api.proto, RuntimeConfigResponse)."""
    that(case.call("RuntimeConfig").HasField("linux"), "nothing of Linux")


@check
def update_without_a_range_is_right(case):
    """UpdateRuntimeConfig without a range of addresses does nothing (api.proto, UpdateRuntimeConfig)."""
    case.call("UpdateRuntimeConfig", runtime_config=cri.RuntimeConfig())

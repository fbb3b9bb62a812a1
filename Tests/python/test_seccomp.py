# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What annotations do with filters of system calls: who hears of forbidden ones, and profiles that are artifacts."""

import json
import re
import time

import grpc
import pytest
from engine import Engine, cri, eventually
from inspection import UnixConnection, get
from pushing import push_artifact

Code = grpc.StatusCode
ACTION = "seccomp-notifier-action.crio.io"
PROFILE = "seccomp-profile.kubernetes.cri-o.io"
CONFIG = "application/vnd.cncf.seccomp-profile.config.v1+json"
DEFAULT = cri.SecurityProfile(profile_type=cri.SecurityProfile.RuntimeDefault)


@pytest.fixture(scope="module", params=["skiffrun", "runc", "crun"])
def engine(request):
    one = Engine(handler=request.param)
    try:
        one.pull()
        folder = one.folder / "skiff.toml.d"
        folder.mkdir()
        (folder / "seccomp.toml").write_text(
            f'[metrics]\nlisten = "{one.folder}/metrics"\n'
            + "".join(
                f'[runtime.handlers.{name}]\nallowed_annotations = ["{ACTION}", "{PROFILE}/"]\n'
                for name in ["skiffrun", "crun", "runc"]))
        restart(one)
        yield one
    finally:
        one.down()


def restart(engine):
    engine.kill_daemon()
    engine.start_daemon()


@pytest.fixture
def pods(engine):
    """Makes pods with annotations; they are gone afterwards."""
    made = []

    def make(**annotations):
        made.append(engine.run_pod(f"p{len(made)}", annotations={
            {"action": ACTION, "all": PROFILE + "/POD", "one": PROFILE + "/c"}[key]: value
            for key, value in annotations.items()}))
        return made[-1]

    yield make
    for pod, _ in made:
        engine.remove_pod(pod)
    engine.assert_clean()


def shell(engine, pod, script="sleep 1000", seccomp=DEFAULT):
    security = cri.LinuxContainerSecurityContext(seccomp=seccomp)
    return engine.shell(*pod, "c", script, linux=cri.LinuxContainerConfig(security_context=security))


def swap_off(engine, container):
    """What the standard profile forbids."""
    answer = engine.exec(container, "busybox", "swapoff", "/etc/hosts")
    assert answer.exit_code != 0
    return answer.stderr.decode()


def counts(engine):
    connection = UnixConnection(engine.folder / "metrics")
    text = get(connection, "/metrics")[1]
    connection.close()
    pattern = r'^skiff_containers_seccomp_notifier_count_total{name="c_([^"]*)",syscall="([^"]*)"} (\d+)$'
    return {(name.split("_")[0], call): int(count) for name, call, count in re.findall(pattern, text, re.M)}


def sockets(engine):
    return list((engine.folder / "run/tty").iterdir())


def test_forbidden_calls_are_counted(engine, pods):
    plain = shell(engine, pods())
    assert "not permitted" in swap_off(engine, plain) and not sockets(engine)
    container = shell(engine, pods(action="log"), "busybox swapoff /etc/hosts; busybox swapoff /etc/hosts; sleep 1000")
    eventually("they are counted", lambda: counts(engine) == {("p1", "swapoff"): 2})
    assert "not implemented" in swap_off(engine, container)
    assert counts(engine) == {("p1", "swapoff"): 3}
    # Without the daemon the kernel gives the same answer, and commands can be executed again with the next one.
    restart(engine)
    assert "not implemented" in swap_off(engine, container)
    assert counts(engine) == {("p1", "swapoff"): 1}
    engine.remove(container)
    assert not counts(engine) and not sockets(engine)


def test_calls_of_many_threads(engine, pods):
    """None waits for ever, and what they use comes to an end with them."""
    loop = "for i in $(busybox seq 100); do busybox swapoff /etc/hosts; done 2>/dev/null"
    container = shell(engine, pods(action="log"), " ".join([f"({loop}) &"] * 4) + " wait; sleep 1000")
    eventually("all are counted", lambda: counts(engine).get(("p0", "swapoff")) == 400)
    engine.stop(container, timeout=0)
    assert engine.status(container).reason == "Error"
    assert not sockets(engine)


def test_forbidden_calls_end_a_container(engine, pods):
    container = shell(engine, pods(action="stop"), "sleep 1; busybox swapoff /etc/hosts; sleep 1000")
    eventually("it was called", lambda: counts(engine))
    begin = time.monotonic()
    status = engine.wait_exit(container)
    assert 3.5 < time.monotonic() - begin < 60
    assert (status.reason, status.exit_code) == ("seccomp killed", 137)
    assert status.message == "Used forbidden syscalls: swapoff (1x)"


def test_a_restarted_daemon_still_ends_it(engine, pods):
    container = shell(engine, pods(action="stop"))
    restart(engine)
    swap_off(engine, container)
    assert engine.wait_exit(container).reason == "seccomp killed"


def test_nothing_is_handed_over_without_a_filter(engine, pods):
    container = shell(engine, pods(action="stop"), seccomp=None)
    assert "not permitted" in swap_off(engine, container)
    assert not sockets(engine) and not counts(engine)


def push_profile(engine, name, text, config=CONFIG):
    return push_artifact(engine.env["REGISTRY"], name, {"profile.json": text}, config, "application/json")


def profile(number):
    """All is allowed but swapoff, which fails with the number."""
    rule = {"names": ["swapoff"], "action": "SCMP_ACT_ERRNO", "errnoRet": number}
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}).encode()


def test_a_profile_from_a_registry(engine, pods, refused):
    everybody = push_profile(engine, "everybody", profile(28))
    own = push_profile(engine, "own", profile(16))
    pod = pods(all=everybody)
    container = shell(engine, pod, seccomp=None)
    assert "No space left" in swap_off(engine, container)
    unconfined = cri.SecurityProfile(profile_type=cri.SecurityProfile.Unconfined)
    assert "busy" in swap_off(engine, shell(engine, pods(all=everybody, one=own), seccomp=unconfined))
    # What the request asks for goes before.
    assert "not permitted" in swap_off(engine, shell(engine, pods(one=own)))
    for reference, words, code in [
        (push_profile(engine, "page", profile(28), "application/vnd.oci.empty.v1+json"), "no artifact", None),
        (push_profile(engine, "broken", b"{"), "valid JSON", None),
        (engine.env["REGISTRY"] + "/absent:1", "absent", Code.NOT_FOUND),
        (engine.image, "no artifact", None),
    ]:
        with refused(code or Code.INVALID_ARGUMENT, words):
            shell(engine, pods(one=reference), seccomp=None)
    # Both together.
    container = shell(engine, pods(one=own, action="log"), seccomp=None)
    assert "not implemented" in swap_off(engine, container) and counts(engine)


def test_what_the_handler_does_not_allow(engine, pods):
    """The annotations of this pod are no request."""
    (engine.folder / "skiff.toml.d/seccomp.toml").write_text(f'[metrics]\nlisten = "{engine.folder}/metrics"\n')
    restart(engine)
    pod = pods(action="stop", one=engine.env["REGISTRY"] + "/absent:1")
    assert "not permitted" in swap_off(engine, shell(engine, pod))
    assert not sockets(engine) and not counts(engine)

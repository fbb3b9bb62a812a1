# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

import signal

import grpc
import pytest
from engine import Engine, eventually

# A suite that was started in the background has SIGINT ignored, one of nohup(1) SIGHUP, and so would have all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="module", params=["skiffrun"])
def engine(request):
    """One engine for the tests of a file, with the image pulled. It fails in the end if anything is left."""
    one = Engine(handler=request.param)
    try:
        one.pull()
        yield one
    finally:
        one.down()


@pytest.fixture
def pod(engine, request):
    """A running pod on the bridge network: (id, config). Removed afterwards, and then nothing may be left of it."""
    name = request.node.name.replace("[", "-").replace("]", "").replace("_", "-").lower()[:60]
    identifier, config = engine.run_pod(name)
    yield identifier, config
    engine.stop_pod(identifier)
    engine.remove_pod(identifier)
    if not engine.pods():
        engine.assert_clean()


@pytest.fixture
def web(engine, pod):
    """A pod with programs that listen: pages on 80 and, in IPv6 alone, 81; an echo on 7; 8 answers at the end; 9 is deaf."""
    script = (
        "httpd -f -p 127.0.0.1:80 -h /www & httpd -f -p [::1]:81 -h /www & nc -ll -p 7 -e cat & "
        "nc -ll -p 8 -e sh -c 'cat >/dev/null; echo late' & nc -ll -p 9 -e sleep 1000 & wait"
    )
    container = engine.shell(*pod, "web", script)

    def all_listen():
        lines = engine.exec(container, "cat", "/proc/net/tcp", "/proc/net/tcp6").stdout.splitlines()
        return sum(line.split()[3] == b"0A" for line in lines) == 5

    eventually("five programs listen", all_listen)
    return pod[0]


@pytest.fixture
def plugin_socket(engine):
    """Where plugins of the Node Resource Interface connect."""
    return str(engine.folder / "run/nri.sock")


class Refused:
    """Expects a gRPC error with the code and, in its text, all the words."""

    def __init__(self, code, *words):
        self.code = code
        self.words = words

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert error is not None, f"no error; expected {self.code}"
        if not isinstance(error, grpc.RpcError):
            return False
        assert error.code() == self.code, f"{error.code()}: {error.details()}"
        assert "\n" not in error.details(), error.details()
        for word in self.words:
            assert word in error.details(), error.details()
        return True


@pytest.fixture
def refused():
    return Refused

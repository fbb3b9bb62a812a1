# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What containers write, in a journal besides their logs."""

import socket

import pytest


@pytest.fixture(scope="module")
def journal(engine):
    """The socket of one."""
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(str(engine.folder / "journal"))
    journal.settimeout(60)
    engine.configure(f'[runtime]\njournal = "{engine.folder}/journal"\n')
    return journal



def entry(journal):
    lines = journal.recv(65536).decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_journal_gets_the_output_too(engine, journal, pod):
    script = "echo one; head -c 20000 /dev/zero | tr '\\0' x; sleep 0.2; echo end; echo A=two >&2"
    container = engine.shell(*pod, "told", script)
    assert engine.wait_exit(container).exit_code == 0
    entries = [entry(journal) for _ in range(4)]
    output = [(e["MESSAGE"], e.get("CONTAINER_PARTIAL_MESSAGE")) for e in entries if e["PRIORITY"] == "6"]
    assert output == [("one", None), ("x" * 16384, "true"), ("x" * (20000 - 16384) + "end", None)]
    assert [e["MESSAGE"] for e in entries if e["PRIORITY"] == "3"] == ["A=two"]
    for e in entries:
        assert (e["CONTAINER_ID_FULL"], e["CONTAINER_ID"], e["POD_ID"]) == (container, container[:12], pod[0])
    assert [text for _, _, text in engine.log(pod[1].metadata.name, "told")] == [e["MESSAGE"] for e in entries]

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""The properties process.terminal and process.consoleSize, and the console socket."""

import os
import select
import time

from suite.case import parse
from suite.expect import contains, equal, that
from suite.listener import Listener
from suite.registry import check


def with_console(case, configuration):
    """A container with a terminal, created, and its listener."""
    configuration.process["terminal"] = True
    configuration.mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620")
    listener = Listener(case.path(f"console{len(case.containers)}"), case.patience)
    case.cleanups.append(listener.close)
    container = case.container(configuration)
    with open(container.output_path, "wb") as output:
        container.must("create", "--bundle", container.bundle, "--console-socket", listener.path, container.id, out=output)
    return container, listener


def read_all(descriptor, patience, until=None):
    """What comes from a terminal until it hangs up, or until a text came."""
    text, end = "", time.monotonic() + patience
    while time.monotonic() < end and not (until and until in text):
        if not select.select([descriptor], [], [], 0.1)[0]:
            continue
        try:
            part = os.read(descriptor, 65536)
        except OSError:
            break
        if not part:
            break
        text += part.decode(errors="replace")
    return text


@check
def console_socket_gets_the_master(case):
    """process.terminal: the console's master is sent to --console-socket; the program has the slave (config.md, Process)."""
    container, listener = with_console(case, case.config())
    master, = listener.received()
    container.start()
    found = parse(read_all(master, case.patience, "env.PATH").replace("\r", ""))
    equal((found["tty"], found["controlling"], found["foreground"]), ("111", "1", "1"))
    that(found["ttyname"].startswith("/dev/"), found["ttyname"])
    equal(found["fds"].strip(), "0 1 2")


@check
def console_has_the_size(case):
    """process.consoleSize: height and width of the terminal (config.md, Process)."""
    configuration = case.config()
    configuration.process["consoleSize"] = {"height": 33, "width": 111}
    container, listener = with_console(case, configuration)
    master, = listener.received()
    equal(tuple(os.get_terminal_size(master)), (111, 33))
    container.start()
    contains(read_all(master, case.patience, "env.PATH").replace("\r", ""), "size=33 111\n")


@check
def console_is_dev_console(case):
    """process.terminal: /dev/console is the terminal (config-linux.md, Default Devices)."""
    container, listener = with_console(case, case.config().shell("echo through >/dev/console; stat -c %F /dev/console"))
    master, = listener.received()
    container.start()
    text = read_all(master, case.patience, "special file")
    contains(text, "through")
    contains(text, "character special file")


@check
def console_belongs_to_the_user(case):
    """process.terminal: the terminal belongs to process.user (convention of runc and crun)."""
    configuration = case.config()
    configuration.process["user"] = {"uid": 1000, "gid": 1000}
    container, listener = with_console(case, configuration)
    master, = listener.received()
    container.start()
    contains(read_all(master, case.patience, "env.PATH").replace("\r", ""), "owner0=1000\n")


@check
def console_takes_input(case):
    """process.terminal: what is typed on the master is read by the program (config.md, Process)."""
    container, listener = with_console(case, case.config().shell("read line; echo got $line"))
    master, = listener.received()
    container.start()
    os.write(master, b"typed\n")
    contains(read_all(master, case.patience, "got typed"), "got typed")


@check
def a_terminal_needs_a_socket(case):
    """process.terminal: create without --console-socket is an error (convention of runc and crun)."""
    configuration = case.config()
    configuration.process["terminal"] = True
    case.refused(configuration, "console", "tty")


@check
def a_socket_needs_a_terminal(case):
    """--console-socket: without process.terminal an error (convention of runc)."""
    listener = Listener(case.path("console"), case.patience)
    case.cleanups.append(listener.close)
    container = case.container()
    outcome = container.try_create("--console-socket", listener.path)
    that(outcome.status > 0 and outcome.message, "accepted")


@check
def a_missing_socket_is_an_error(case):
    """--console-socket: nobody there is an error that leaves nothing behind (runtime.md, Errors)."""
    configuration = case.config()
    configuration.process["terminal"] = True
    container = case.container(configuration)
    outcome = container.try_create("--console-socket", case.path("nowhere"))
    that(outcome.status > 0 and outcome.message, "accepted")
    that(not container.exists(), "the container exists")
    case.nothing_left()


@check
def exec_with_a_terminal(case):
    """Exec --tty with --console-socket: a terminal of its own (convention of runc and crun)."""
    configuration = case.config("/probe", "wait").mount("/dev/pts", "devpts", "devpts", "newinstance", "ptmxmode=0666")
    container = case.up(configuration)
    listener = Listener(case.path("console"), case.patience)
    case.cleanups.append(listener.close)
    container.must("exec", "--tty", "--detach", "--console-socket", listener.path, container.id, "/probe", "report")
    master, = listener.received()
    found = parse(read_all(master, case.patience, "env.PATH").replace("\r", ""))
    equal((found["tty"], found["controlling"]), ("111", "1"))

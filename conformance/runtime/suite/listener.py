# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Unix sockets on which a runtime hands over descriptors: consoles, seccomp listeners."""

import contextlib
import os
import socket
import threading


class Listener:
    """Listens at `path`, and keeps the first message with its descriptors."""

    def __init__(self, path, patience):
        self.path, self.patience = path, patience
        self.data, self.descriptors, self.failure = b"", [], None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The path may be longer than an address.
        with inside(os.path.dirname(path)) as folder:
            self.socket.bind(f"{folder}/{os.path.basename(path)}")
        self.socket.listen(4)
        self.socket.settimeout(patience)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        """Takes one connection."""
        try:
            connection, _ = self.socket.accept()
            with connection:
                connection.settimeout(self.patience)
                self.data, self.descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 4)
        except OSError as failure:
            self.failure = failure

    def received(self):
        """The descriptors that came."""
        self.thread.join(self.patience)
        if not self.descriptors:
            raise AssertionError(f"no descriptor came over \"{self.path}\": {self.failure}")
        return self.descriptors

    def close(self):
        """Closes everything."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(self.patience)
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = []


@contextlib.contextmanager
def inside(folder):
    """A short name for a folder."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)

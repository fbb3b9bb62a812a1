# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""A disk that remembers every write and flush, so that a loss of power can be played at any of them.

A FUSE file system with one file, `disk`, spoken to in the kernel's own protocol (linux/fuse.h). A loop device over that
file turns what ext4 sends to its disk into writes of the file, and flushes into fsync. Each is appended to a log before
it is answered: a write as kind, offset, length and bytes; a flush with no bytes.

As a program: disk.py MOUNTPOINT BACKING LOG serves until the file system is unmounted.
"""

import ctypes
import errno
import os
import stat
import struct
import sys

WRITE, FLUSH = 1, 2
RECORD = struct.Struct("<BQI")

HEADER = struct.Struct("<IIQQIIIHH")
LARGEST_WRITE = 1 << 20
LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE_FILE, STATFS, RELEASE, FSYNC = 1, 2, 3, 4, 14, 15, 16, 17, 18, 20
FLUSH_FILE, INIT, INTERRUPT, DESTROY, BATCH_FORGET = 25, 26, 36, 38, 42
BIG_WRITES, MAX_PAGES, DIRECT_IO = 1 << 5, 1 << 22, 1


class Disk:
    def __init__(self, backing, log):
        self.file = os.open(backing, os.O_RDWR)
        self.size = os.fstat(self.file).st_size
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)

    def attributes(self, node):
        mode, size = (stat.S_IFDIR | 0o755, 0) if node == 1 else (stat.S_IFREG | 0o600, self.size)
        return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, operation, node, body):
        """The answer to a request; a number is the error, None is no answer at all."""
        if operation == INIT:
            return struct.pack(
                "<4I2H2I2H2I2H20x", 7, 31, 1 << 17, BIG_WRITES | MAX_PAGES, 16, 12, LARGEST_WRITE, 1, 256, 0, 0, 0, 0, 0
            )
        if operation == LOOKUP:
            if bytes(body).split(b"\0")[0] != b"disk":
                return errno.ENOENT
            return struct.pack("<4Q2I", 2, 0, 3600, 3600, 0, 0) + self.attributes(2)
        if operation in (GETATTR, SETATTR):
            return struct.pack("<Q2I", 3600, 0, 0) + self.attributes(node)
        if operation == OPEN:
            return struct.pack("<QIi", 1, DIRECT_IO, 0)
        if operation == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return os.pread(self.file, size, offset)
        if operation == WRITE_FILE:
            _, offset, size = struct.unpack_from("<QQI", body)
            data = bytes(body[40 : 40 + size])
            os.write(self.log, RECORD.pack(WRITE, offset, size) + data)
            os.pwrite(self.file, data, offset)
            return struct.pack("<II", size, 0)
        if operation == FSYNC:
            os.write(self.log, RECORD.pack(FLUSH, 0, 0))
            return b""
        if operation == STATFS:
            return struct.pack("<5Q4I24x", 1 << 20, 1 << 20, 1 << 20, 2, 0, 4096, 255, 4096, 0)
        if operation in (RELEASE, FLUSH_FILE, DESTROY):
            return b""
        if operation in (FORGET, BATCH_FORGET, INTERRUPT):
            return None
        return errno.ENOSYS

    def serve(self, device):
        buffer = bytearray(LARGEST_WRITE + (1 << 16))
        view = memoryview(buffer)
        while True:
            try:
                count = os.readv(device, [buffer])
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                raise
            _, operation, unique, node = HEADER.unpack_from(buffer)[:4]
            answer = self.answer(operation, node, view[HEADER.size : count])
            if answer is None:
                continue
            code, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
            try:
                os.write(device, struct.pack("<IiQ", 16 + len(body), code, unique) + body)
            except OSError as error:
                # The request was interrupted meanwhile.
                if error.errno != errno.ENOENT:
                    raise


def records(log):
    """The log: (position of the record's end, kind, offset, bytes)."""
    with open(log, "rb") as file:
        position = 0
        while head := file.read(RECORD.size):
            kind, offset, length = RECORD.unpack(head)
            position += RECORD.size + length
            yield position, kind, offset, file.read(length)


def main():
    mountpoint, backing, log = sys.argv[1:]
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"skiff-disk", mountpoint.encode(), b"fuse", 0, options) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), mountpoint)
    disk = Disk(backing, log)
    print("ready", flush=True)
    disk.serve(device)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""The first two packets of an SCTP association (RFC 9260), over raw sockets: kernels without SCTP carry and translate it all
the same.

    sctp.py PORT    waits for an INIT to the port, answers it with INIT ACK, and prints where it came from
"""

import socket
import struct
import sys

INIT, INIT_ACK = 1, 2
PROTOCOL = 132


def checksum(data):
    """CRC32c, bit by bit (RFC 9260, appendix A)."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def packet(source, destination, tag, kind, initiate):
    """A packet with one chunk, INIT or INIT ACK without parameters; an ACK needs a state cookie, here of four bytes."""
    cookie = struct.pack(">HHI", 7, 8, 0x5C1FF) if kind == INIT_ACK else b""
    chunk = struct.pack(">BBHIIHHI", kind, 0, 20 + len(cookie), initiate, 65536, 1, 1, initiate) + cookie
    head = struct.pack(">HHI", source, destination, tag)
    return head + struct.pack("<I", checksum(head + bytes(4) + chunk)) + chunk


def parse(data):
    """(source port, destination port, verification tag, kind of chunk, initiate tag); None if the checksum is wrong."""
    source, destination, tag = struct.unpack(">HHI", data[:8])
    if struct.unpack("<I", data[8:12])[0] != checksum(data[:8] + bytes(4) + data[12:]):
        return None
    return source, destination, tag, data[12], struct.unpack(">I", data[16:20])[0]


def receive(raw, family):
    data, peer = raw.recvfrom(4096)
    # Raw sockets of IPv4 show the header.
    return parse(data[(data[0] & 15) * 4:] if family == socket.AF_INET else data), peer[0]


def ask(address, port, source=40132, seconds=2):
    """Sends INIT and returns what came back from that address and port: the kind of chunk, or None."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_RAW, PROTOCOL) as raw:
        raw.settimeout(seconds)
        raw.sendto(packet(source, port, 0, INIT, 0x1234), (address, 0))
        try:
            while True:
                answer, peer = receive(raw, family)
                if answer and answer[:3] == (port, source, 0x1234) and peer == address:
                    return answer[3]
        except TimeoutError:
            return None


def serve(port):
    family = socket.AF_INET6 if len(sys.argv) > 2 else socket.AF_INET
    with socket.socket(family, socket.SOCK_RAW, PROTOCOL) as raw:
        print("ready", flush=True)
        while True:
            asked, peer = receive(raw, family)
            if asked and asked[1] == port and asked[3] == INIT:
                print(peer, flush=True)
                raw.sendto(packet(port, asked[0], asked[4], INIT_ACK, 0x5678), (peer, 0))


if __name__ == "__main__":
    serve(int(sys.argv[1]))

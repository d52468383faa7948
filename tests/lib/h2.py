# SPDX-License-Identifier: AGPL-3.0-or-later
"""h2: HTTP/2 by hand, for what no decent client would send.

Requests are HPACK literals without indexing; of answers only the frames are
looked at (what they say is read by grpcio, elsewhere).
"""

import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def context(ca, certificate=None, alpn=("h2",), version=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.load_verify_locations(ca)
    if certificate:
        made.load_cert_chain(certificate.certificate, certificate.key)
    if alpn:
        made.set_alpn_protocols(list(alpn))
    if version:
        made.minimum_version = made.maximum_version = version
    return made


def connect(address, tls, timeout=5):
    plain = socket.create_connection(address, timeout=timeout)
    try:
        return tls.wrap_socket(plain)
    except BaseException:
        plain.close()
        raise


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) \
        + struct.pack(">I", stream) + payload


def literal(name, value):
    def text(what):
        assert len(what) < 127
        return bytes([len(what)]) + what
    return b"\0" + text(name) + text(value)


def headers(path, stream=1, content_type=b"application/grpc", end=False,
            extra=()):
    block = literal(b":method", b"POST") + literal(b":scheme", b"https") \
        + literal(b":path", path.encode()) \
        + literal(b":authority", b"localhost") \
        + literal(b"content-type", content_type) + literal(b"te", b"trailers")
    for name, value in extra:
        block += literal(name, value)
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream,
                 block)


def message(payload, compressed=0):
    return bytes([compressed]) + struct.pack(">I", len(payload)) + payload


def hello():
    return PREFACE + frame(SETTINGS)


def until_closed(opened, limit=1 << 22, timeout=10):
    """What the peer still says: [(kind, flags, stream, payload)]; bounded."""
    opened.settimeout(timeout)
    received = b""
    try:
        while len(received) < limit:
            more = opened.recv(65536)
            if not more:
                break
            received += more
    except (OSError, ssl.SSLError):
        pass
    return frames(received)


def frames(received):
    found = []
    while len(received) >= 9:
        length = int.from_bytes(received[:3], "big")
        kind, flags = received[3], received[4]
        stream = int.from_bytes(received[5:9], "big") & 0x7FFFFFFF
        found.append((kind, flags, stream, received[9:9 + length]))
        received = received[9 + length:]
    return found

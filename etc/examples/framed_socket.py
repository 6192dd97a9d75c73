#!/usr/bin/python3
"""A socket that sends and receives text messages: four bytes of length, big-endian, then UTF-8.

    framed_socket.py HOST PORT TEXT...      send each text, print what comes until the peer ends
"""
import socket
import struct
import sys


class FramedSocket(socket.socket):
    """An ordinary TCP socket with two verbs more."""

    max_bytes = 65536

    def send_message(self, text):
        payload = text.encode("utf-8")
        if len(payload) > self.max_bytes:
            raise ValueError(f"a message has at most {self.max_bytes} bytes, not {len(payload)}")
        self.sendall(struct.pack(">I", len(payload)) + payload)

    def receive_message(self):
        """The next message, or None when the peer has closed between two of them."""
        length = 0
        while length == 0:  # a length of 0 is a sign of life
            header = self._receive_exactly(4)
            if header == b"":
                return None
            (length,) = struct.unpack(">I", header)
        if length > self.max_bytes:  # before any memory is taken for it
            raise ValueError(f"the peer announced {length} bytes, over {self.max_bytes}")
        payload = self._receive_exactly(length)
        if payload == b"":
            raise ConnectionError("the peer closed inside a message")
        return payload.decode("utf-8")

    def _receive_exactly(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.recv(size - len(data))
            if part == b"":
                if data:
                    raise ConnectionError("the peer closed inside a message")
                return b""
            data += part
        return bytes(data)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with FramedSocket() as peer:
        try:
            peer.connect((sys.argv[1], int(sys.argv[2])))
        except OSError as error:
            sys.exit(f"{sys.argv[1]} {sys.argv[2]}: {error.strerror}")
        for message in sys.argv[3:]:
            peer.send_message(message)
        peer.shutdown(socket.SHUT_WR)
        while (message := peer.receive_message()) is not None:
            print(message)

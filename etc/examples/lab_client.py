#!/usr/bin/python3
"""A chat client as the lab writes it: a name first, then texts, and no sign where one ends.

    lab_client.py HOST PORT NAME        say the lines of stdin, print what comes
"""
import socket
import sys
import threading
import time


def receive(chat):
    while message := chat.recv(1024).decode("utf-8"):
        print(message, flush=True)


if len(sys.argv) != 4:
    sys.exit(__doc__)
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as chat:
    chat.sendall(sys.argv[3].encode("utf-8"))
    receiver = threading.Thread(target=receive, args=(chat,))
    receiver.start()
    text = ""
    while text != "/quit":
        text = (sys.stdin.readline() or "/quit").rstrip("\n")
        time.sleep(0.05)  # a person is slower; two texts at once would be one
        if text:
            chat.sendall(text.encode("utf-8"))
    receiver.join()

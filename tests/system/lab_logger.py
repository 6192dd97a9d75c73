#!/usr/bin/python3
"""A client of the lab: sends what it is given, as it is, and reads with recv(1024).

    lab_logger.py PORT TEXT...
A person types slowly: each text goes out when the server has read the one before.
Prints what it was answered: nothing, as the lab has it.
"""
import socket
import sys
import time


def is_read(server_port, client_port):
    """Is nothing left in the queue of the server's end of the connection?"""
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            word = line.split()
            if word[1].endswith(f":{server_port:04X}") and word[2].endswith(f":{client_port:04X}"):
                return word[4].endswith(":00000000")
    return True  # it has closed


client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client.connect(("127.0.0.1", int(sys.argv[1])))
for text in sys.argv[2:]:
    client.sendall(text.encode("utf-8"))
    while not is_read(int(sys.argv[1]), client.getsockname()[1]):
        time.sleep(0.001)
client.shutdown(socket.SHUT_WR)
answer = client.recv(1024)
while answer:
    print(answer.decode("utf-8"))
    answer = client.recv(1024)

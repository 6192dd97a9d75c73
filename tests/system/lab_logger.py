#!/usr/bin/python3
"""A client of the lab: sends what it is given, as it is, and reads with recv(1024).

    lab_logger.py PORT PAUSE TEXT...      PAUSE: seconds between two texts
Prints what it was answered: nothing, as the lab has it.
"""
import socket
import sys
import time

client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client.connect(("127.0.0.1", int(sys.argv[1])))
for text in sys.argv[3:]:
    client.sendall(text.encode("utf-8"))
    time.sleep(float(sys.argv[2]))
client.shutdown(socket.SHUT_WR)
answer = client.recv(1024)
while answer:
    print(answer.decode("utf-8"))
    answer = client.recv(1024)

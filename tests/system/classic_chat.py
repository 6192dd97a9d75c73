#!/usr/bin/python3
"""Clients of the lab's chat, as they are: a thread that reads with recv(1024).decode, no ends of
messages. classic_chat.py PORT COUNT ROUNDS: each says ROUNDS messages, long Cyrillic ones among
them, and has to read all that the others say, whole. Prints what went wrong."""
import re
import socket
import sys
import threading
import time

port, count, rounds = map(int, sys.argv[1:])
line = re.compile(r"\[\d\d:\d\d:\d\d\] (Клиент \d+): (\d+) (ж*)(…?)$")


class Client:
    def __init__(self, number):
        self.name, self.heard, self.wrong = f"Клиент {number}", {}, []
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(self.name.encode("utf-8"))
        threading.Thread(target=self.receive, daemon=True).start()

    def receive(self):
        while True:
            try:
                message = self.socket.recv(1024).decode("utf-8")
                if not message:
                    break
                self.take(message)
            except Exception as error:
                self.wrong.append(f"{self.name}: {error}")
                break

    def take(self, message):
        for text in message.split("\n"):
            if text == "":  # it comes just behind another one
                continue
            if re.fullmatch(r"[🔵🔴] Клиент \d+ (присоединился к чату|покинул чат)", text):
                continue
            found = line.fullmatch(text)
            if not found:
                self.wrong.append(f"{self.name} read {text[:80]!r}, {len(text)} characters")
                continue
            name, number = found[1], int(found[2])
            if self.heard.get(name, 0) + 1 != number:
                self.wrong.append(f"{self.name}: {number} of {name} behind {self.heard.get(name)}")
            self.heard[name] = number

    def say(self, number):
        self.socket.sendall(f"{number} {'ж' * (number * 97 % 480)}".encode("utf-8"))


clients = []
for i in range(count):
    clients.append(Client(i))
    time.sleep(0.01)
for number in range(1, rounds + 1):
    for client in clients:
        client.say(number)
    time.sleep(0.05)
patience = time.monotonic() + 30
while time.monotonic() < patience and not any(c.wrong for c in clients):
    if all(len(c.heard) == count - 1 and set(c.heard.values()) == {rounds} for c in clients):
        break
    time.sleep(0.01)
for client in clients:
    if len(client.heard) != count - 1 or set(client.heard.values()) != {rounds}:
        client.wrong.append(f"{client.name} has heard {client.heard}")
wrong = [what for client in clients for what in client.wrong]
print("\n".join(wrong[:5]), end="")
sys.exit(1 if wrong else 0)

#!/usr/bin/python3
"""Clients of the lab's chat, as they are: a thread that reads with recv(1024).decode, no ends of
messages. classic_chat.py PORT COUNT ROUNDS [DELAY_MS]: each says ROUNDS messages, long Cyrillic ones
among them, one when the others have read the one before, and has to read all that the others say,
whole. With DELAY_MS each rests so long, or not at all, after each read, and they say what they have
to say without waiting for each other. Prints what went wrong; exit 3 when the machine let them read
so late that nothing can be told from it."""
import random
import re
import socket
import sys
import threading
import time

port, count, rounds = map(int, sys.argv[1:4])
delay = int(sys.argv[4]) / 1000 if len(sys.argv) > 4 else 0
late = 0.0  # the longest that one of them was woken too late
line = re.compile(r"\[\d\d:\d\d:\d\d\] (Клиент \d+): (\d+) (ж*)(…?)$")


def rest(seconds):
    global late
    begin = time.monotonic()
    time.sleep(seconds)
    late = max(late, time.monotonic() - begin - seconds)


def watch():
    while True:
        rest(0.003)


class Client:
    def __init__(self, number):
        self.name, self.heard, self.wrong = f"Клиент {number}", {}, []
        self.joined = 0
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(self.name.encode("utf-8"))
        threading.Thread(target=self.receive, daemon=True).start()

    def receive(self):
        while True:
            try:
                data = self.socket.recv(1024)
                message = data.decode("utf-8")
                if not message:
                    break
                if len(data) > 1000:
                    self.wrong.append(f"{self.name} read {len(data)} bytes at once")
                self.take(message)
                rest(random.choice((0, delay, delay)))
            except Exception as error:
                self.wrong.append(f"{self.name}: {error}")
                break

    def take(self, message):
        for text in message.split("\n"):
            if text == "":  # it comes just behind another one
                continue
            if re.fullmatch(r"🔵 Клиент \d+ присоединился к чату", text):
                self.joined += 1
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


def wait(condition):
    """Until it holds for all of them, or one has failed."""
    patience = time.monotonic() + 30
    while not all(map(condition, clients)) and not any(c.wrong for c in clients):
        if time.monotonic() > patience:
            for client in clients:
                client.wrong.append(f"{client.name} has heard {client.joined} and {client.heard}")
        time.sleep(0.002)


threading.Thread(target=watch, daemon=True).start()
clients = []
for i in range(count):
    clients.append(Client(i))
    # The first two may come in either way round; each other is heard of by both of them.
    wait(lambda _: sum(client.joined for client in clients[:2]) >= 2 * i - 1)
for number in range(1, rounds + 1):
    for client in clients:
        client.say(number)
        time.sleep(random.uniform(0.2, 1.2) * delay)
    if delay == 0 or number == rounds:
        wait(lambda client: list(client.heard.values()) == [number] * (count - 1))
wrong = [what for client in clients for what in client.wrong]
print("\n".join(wrong[:5]), end="")
sys.exit(0 if not wrong else 3 if late > 0.015 else 1)

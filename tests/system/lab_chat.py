#!/usr/bin/python3
"""A chat server as the lab has it: a thread for each client, recv(1024), a name first.

    lab_chat.py      prints its port
"""
import socket
import threading

clients = {}
lock = threading.Lock()


def broadcast(text, sender):
    with lock:
        for client in clients:
            if client is not sender:
                client.sendall(text.encode("utf-8"))


def serve(client):
    name = client.recv(1024).decode("utf-8")
    with lock:
        clients[client] = name
    broadcast(f"🔵 {name} присоединился к чату", client)
    while True:
        text = client.recv(1024).decode("utf-8")
        if not text or text == "/quit":
            break
        broadcast(f"[14:30:15] {name}: {text}", client)
    with lock:
        del clients[client]
    broadcast(f"🔴 {name} покинул чат", client)
    client.close()


server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind(("127.0.0.1", 0))
server.listen(5)
print(server.getsockname()[1], flush=True)
while True:
    peer, _ = server.accept()
    threading.Thread(target=serve, args=(peer,), daemon=True).start()

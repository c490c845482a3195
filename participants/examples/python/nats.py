"""As much of a NATS client as a participant needs, with the standard library alone."""
import itertools
import json
import os
import queue
import secrets
import socket
import threading
import urllib.parse


class Nats:
    """One connection. It does not come back: who uses it makes another."""

    def __init__(self, url):
        at = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((at.hostname, at.port or 4222), timeout=5)
        self.socket.settimeout(None)
        self.stream = self.socket.makefile("rb")
        self.lock = threading.Lock()
        self.inbox = "_INBOX." + secrets.token_hex(11)
        self.numbers = itertools.count()
        self.handlers = {}  # by subscription: a message that was pulled has the subject of its stream, not of the inbox
        self.waiting = set()  # queues of answers
        self.closed = threading.Event()
        json.loads(self.stream.readline().split(b" ", 1)[1])  # INFO
        user, password = at.username or os.environ.get("NATS_USER"), at.password or os.environ.get("NATS_PASSWORD")
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True,
                   "lang": "python", "version": "0", "protocol": 1, "name": "amends example"}
        if user:
            options |= {"user": urllib.parse.unquote(user), "pass": urllib.parse.unquote(password or "")}
        self.send(f"CONNECT {json.dumps(options)}\r\nPING\r\n".encode())
        while (line := self.stream.readline()) != b"PONG\r\n":
            if not line or line.startswith(b"-ERR"):
                raise ConnectionError(line.decode() or "closed by the server")
        threading.Thread(target=self.read, daemon=True).start()

    def send(self, data):
        with self.lock:
            self.socket.sendall(data)

    def publish(self, subject, body=b"", headers=None, reply=""):
        if headers is None:
            self.send(f"PUB {subject} {reply} {len(body)}\r\n".encode() + body + b"\r\n")
            return
        block = ("NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode()
        self.send(f"HPUB {subject} {reply} {len(block)} {len(block) + len(body)}\r\n".encode() + block + body + b"\r\n")

    def ask(self, subject, body=b"", headers=None):
        """Publishes, and returns the queue that answers come to until forget(it)."""
        answers = queue.Queue()
        self.waiting.add(answers)
        inbox = f"{self.inbox}.{next(self.numbers)}"
        answers.number = self.subscribe(inbox, answers.put)
        self.publish(subject, body, headers, inbox)
        return answers

    def forget(self, answers):
        self.waiting.discard(answers)
        self.handlers.pop(answers.number, None)
        self.send(f"UNSUB {answers.number}\r\n".encode())

    def request(self, subject, body=b"", headers=None, timeout=5):
        """Returns the body of the first answer, as JSON; TimeoutError if none comes."""
        answers = self.ask(subject, body, headers)
        try:
            status, answer = self.next(answers, timeout)
            if answer is None:
                raise TimeoutError(f"{subject}: {status or 'no answer'}")
            return json.loads(answer.body)
        finally:
            self.forget(answers)

    def next(self, answers, timeout):
        """Returns a status ("404", "408", …) or a message, or neither when none came in time."""
        try:
            message = answers.get(timeout=timeout)
        except queue.Empty:
            message = None
        if self.closed.is_set():
            raise ConnectionError("the connection to NATS is lost")
        if message is not None and message.status:
            return message.status, None
        return None, message

    def subscribe(self, subject, handler):
        """Calls handler with each message; in the thread that reads, so it must not ask."""
        number = str(next(self.numbers))
        self.handlers[number] = handler
        self.send(f"SUB {subject} {number}\r\n".encode())
        return number

    def read(self):
        try:
            while line := self.stream.readline():
                verb, *args = line.decode().split()
                if verb == "PING":
                    self.send(b"PONG\r\n")
                elif verb in ("MSG", "HMSG"):
                    data = self.stream.read(int(args[-1]) + 2)[:-2]
                    split = int(args[-2]) if verb == "HMSG" else 0
                    reply = args[2] if len(args) == (5 if verb == "HMSG" else 4) else ""
                    if handler := self.handlers.get(args[1]):
                        handler(Message(args[0], reply, data[:split], data[split:]))
                elif verb == "-ERR":
                    print("nats:", line.decode().strip(), flush=True)
        except (OSError, ValueError):
            pass
        self.closed.set()
        for answers in list(self.waiting):
            answers.put(None)


class Message:
    def __init__(self, subject, reply, block, body):
        self.subject, self.reply, self.body = subject, reply, body
        self.headers, self.status = {}, None
        lines = block.split(b"\r\n")
        if not body and len(lines[0]) > len(b"NATS/1.0"):
            self.status = lines[0].split()[1].decode()
        for line in lines[1:]:
            key, colon, value = line.partition(b":")
            if colon:
                self.headers.setdefault(key.decode("utf-8", "replace"), value.strip().decode("utf-8", "replace"))

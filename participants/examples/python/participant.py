#!/usr/bin/env python3
"""A participant without an SDK: what docs/protocol.md asks for, with Python's standard library alone.

    amends dev --nats-port 4222
    for name in inventory payment shipping; do ./participant.py $name & done
    amends start place-order '{"number":"o-1","customer":"ann","article":"mug","units":3,"price":125}' --wait

NATS_URL says where, NATS_USER and NATS_PASSWORD who; DATABASE is the file of what it knows, <name>.db if not set.
"""
import collections
import contextlib
import hashlib
import json
import os
import re
import sqlite3
import sys
import threading
import time

from barrier import Barrier, Conflict
from business import ACTIONS, SCHEMA
from discovery import announce
from nats import Nats

PREFIX = os.environ.get("AMENDS_PREFIX", "saga")
NAME = re.compile(r"(?!-\Z)[A-Za-z0-9_-]{1,64}\Z")
NUMBER = re.compile(r"[1-9][0-9]{0,18}\Z")


class Unreadable(Exception):
    """What cannot be read today cannot be read tomorrow."""


class Command:
    """What the subject and the headers say. Both are somebody else's data: all that is used is checked here."""

    def __init__(self, message, participant):
        h = message.headers
        _, self.partition, self.id, _, name, _ = message.subject.split(".")
        self.run, self.step, self.attempt = h.get("Saga-Run", ""), h.get("Saga-Step", ""), h.get("Saga-Attempt", "")
        self.direction, self.action, self.settle = h.get("Saga-Direction"), h.get("Saga-Action", ""), h.get("Saga-Settle")
        self.trace = {k: h[k] for k in ("traceparent", "tracestate") if k in h}
        self.body = message.body
        if not (all(NAME.match(n) for n in (self.id, self.step, self.action)) and name == participant
                and NUMBER.match(self.run) and NUMBER.match(self.attempt)
                and self.direction in ("do", "undo") and self.settle in (None, "done", "undone")):
            raise Unreadable("the headers cannot be read")
        self.hash = hashlib.sha256(f"{self.direction}\0{self.action}\0".encode() + self.body).hexdigest()


class Participant:
    def __init__(self, name, nc, barrier):
        self.name, self.nc, self.barrier = name, nc, barrier
        self.counts = collections.Counter()
        self.instance = announce(nc, PREFIX, name, barrier.actions, self.counts)
        self.heartbeat = 10

    def serve(self, stream):
        with contextlib.suppress(OSError):  # the connection is lost; main makes another
            while True:
                try:
                    self.consumer(stream)
                    while self.one(stream):
                        pass
                except TimeoutError as e:
                    print(f"{stream}: {e}", flush=True)
                time.sleep(1)

    def consumer(self, stream):
        """Makes the consumer, if nobody has."""
        found = self.nc.request(f"$JS.API.CONSUMER.INFO.{stream}.{self.name}")
        if "error" not in found:
            self.heartbeat = found["config"]["ack_wait"] / 3e9  # an operator may have made it
            return
        subject = f"{PREFIX}.*.*.out.{self.name}.chain"
        config = {"name": self.name, "durable_name": self.name, "filter_subject": subject, "deliver_policy": "all",
                  "ack_policy": "explicit", "ack_wait": 30_000_000_000, "max_ack_pending": 4096, "max_deliver": -1}
        made = self.nc.request(f"$JS.API.CONSUMER.CREATE.{stream}.{self.name}.{subject}",
                               json.dumps({"stream_name": stream, "config": config, "action": "create"}).encode())
        if "error" in made:
            print(f"{stream}: {made['error']['description']}", flush=True)

    def one(self, stream):
        """Pulls a command and carries it out; says whether there is a consumer to ask again.

        One at a time: others of a batch would need +WPI while they wait here.
        """
        pull = {"batch": 1, "expires": 30_000_000_000, "idle_heartbeat": 5_000_000_000}
        answers = self.nc.ask(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{self.name}", json.dumps(pull).encode())
        status = "100"
        while status == "100":  # a heartbeat; where two are missing, the server has forgotten us
            status, message = self.nc.next(answers, timeout=11)
        self.nc.forget(answers)
        if message is None:
            return status in ("404", "408")  # nothing came in time
        with self.in_progress(message):
            acknowledgement = self.handle(message)
        self.nc.publish(message.reply, acknowledgement)
        return True

    @contextlib.contextmanager
    def in_progress(self, message):
        over = threading.Event()

        def say():
            with contextlib.suppress(OSError):
                while not over.wait(self.heartbeat):
                    self.nc.publish(message.reply, b"+WPI")
        threading.Thread(target=say, daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def handle(self, message):
        """Returns what the command is acknowledged with, once its reply is stored."""
        began = time.monotonic()
        try:
            command = Command(message, self.name)
            outcome, output, reason = self.barrier.answer(command)
            took = int((time.monotonic() - began) * 1e6)
            self.reply(command, outcome, output, reason, took)
            self.counts[outcome.replace("-", "_")] += 1
            return b"+ACK"
        except (Unreadable, Conflict) as e:
            print(f"ALARM: {message.subject!r}, {message.headers.get('Saga-Key')!r}: {e}", flush=True)
            return b"+TERM"
        except sqlite3.Error as e:  # in doubt: the row says what holds when the command comes again
            print(f"{message.subject}: {e}", flush=True)
            return b'-NAK {"delay": 1000000000}'

    def reply(self, c, outcome, output, reason, took):
        """Returns when the journal has stored the reply."""
        headers = {"Saga-Run": c.run, "Saga-Step": c.step, "Saga-Direction": c.direction, "Saga-Attempt": c.attempt,
                   "Saga-Outcome": outcome, "Saga-Took": took, "Saga-Instance": self.instance} | c.trace
        if reason:
            headers["Saga-Reason"] = " ".join(reason.split()).encode()[:1024].decode("utf-8", "ignore")
        if output:
            headers["Content-Type"] = "application/json"
        while True:
            try:
                stored = self.nc.request(f"{PREFIX}.{c.partition}.{c.id}.in.{self.name}", output or b"", headers)
            except TimeoutError as e:
                stored = {"error": {"description": str(e)}}
            if "error" not in stored:
                return
            print(f"{c.id}: the reply is not stored yet: {stored['error']}", flush=True)
            if stored["error"].get("err_code") == 10054:
                raise Conflict("the journal will never take the reply")
            time.sleep(1)


def main(name, barrier):
    nc = Nats(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
    p = Participant(name, nc, barrier)
    while "error" in (first := nc.request(f"$JS.API.STREAM.INFO.{PREFIX.upper()}-0")):
        print(f"waiting for the journal: {first['error']['description']}", flush=True)
        time.sleep(1)
    for n in range(int(first["config"]["metadata"]["amends-partitions"])):
        threading.Thread(target=p.serve, args=(f"{PREFIX.upper()}-{n}",), daemon=True).start()
    print(f"{name} serves {', '.join(barrier.actions)}", flush=True)
    nc.closed.wait()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ACTIONS:
        sys.exit(f"usage: participant.py {'|'.join(ACTIONS)}")
    database = os.environ.get("DATABASE", sys.argv[1] + ".db")
    known = Barrier(database, SCHEMA, ACTIONS[sys.argv[1]])
    while True:
        try:
            main(sys.argv[1], known)
        except OSError as e:  # TimeoutError is one
            print(e, flush=True)
        time.sleep(1)

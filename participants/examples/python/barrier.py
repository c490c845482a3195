"""The barrier: each step takes effect once, in whatever order and number its commands come."""
import json
import sqlite3
import threading

ROWS = """CREATE TABLE IF NOT EXISTS barrier (id TEXT, run TEXT, step TEXT, direction TEXT, outcome TEXT, hash TEXT,
          output BLOB, reason TEXT, PRIMARY KEY (id, run, step, direction))"""
MAX_OUTPUT = 512 << 10


class Refused(Exception):
    """Business says no: it did not take effect and never will."""


class Conflict(Exception):
    """No outcome is true: somebody has to look."""


class Barrier:
    """Rows in a SQLite file that has the effects too: the row and the effect are one transaction."""

    def __init__(self, file, schema, actions):
        self.actions = actions
        self.db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=60)
        self.db.executescript(f"PRAGMA synchronous = FULL; {ROWS}; {schema}")
        self.turn = threading.Lock()  # this connection has one transaction at a time

    def answer(self, command):
        """Returns outcome, output and reason. After an sqlite3.Error nobody knows whether it was committed."""
        with self.turn:
            self.db.execute("BEGIN IMMEDIATE")  # waits for other instances: nobody decides on an old row
            try:
                answer = self.settle(command) if command.settle else self.decide(command)
                self.db.execute("COMMIT")
                return answer
            finally:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")

    def row(self, c, direction):
        found = self.db.execute("SELECT outcome, hash, output, reason FROM barrier"
                                " WHERE id=? AND run=? AND step=? AND direction=?", (c.id, c.run, c.step, direction))
        return found.fetchone() or (None, None, None, None)

    def store(self, c, direction, outcome, hash, output=None, reason=None):
        self.db.execute("INSERT OR REPLACE INTO barrier VALUES (?,?,?,?,?,?,?,?)",
                        (c.id, c.run, c.step, direction, outcome, hash, output, reason))
        return outcome, output, reason

    def decide(self, c):
        done, undone = self.row(c, "do"), self.row(c, "undo")
        outcome, hash, output, reason = done if c.direction == "do" else undone
        if c.direction == "do" and undone[0]:
            return "rejected", None, f"too late: the row has undo: {undone[0]}"
        if outcome:
            if hash not in (c.hash, None):  # None: settled by hand, which answered no request
                raise Conflict("the key was used for another request")
            return outcome, output, reason
        if c.direction == "undo" and done[0] != "done":
            return self.store(c, "undo", "nothing-to-undo", c.hash)
        business = self.actions.get(f"{c.direction} {c.action}")
        if business is None:
            return "failed", None, f"{c.direction} {c.action} is not known here"
        self.db.execute("SAVEPOINT business")
        try:
            output = business(self.db, json.loads(c.body), json.loads(done[2]) if done[2] else None)
            output = None if output is None else json.dumps(output, allow_nan=False).encode()
            if output and len(output) > MAX_OUTPUT:
                raise ValueError(f"the result has {len(output)} bytes")
        except Exception as e:
            self.db.execute("ROLLBACK TO business")  # neither a refusal nor a failure has an effect
            if isinstance(e, Refused) and c.direction == "do":
                return self.store(c, "do", "refused", c.hash, None, str(e))
            return "failed", None, f"{type(e).__name__}: {e}"
        return self.store(c, c.direction, "done" if c.direction == "do" else "undone", c.hash, output)

    def settle(self, c):
        """A person says what became of the step. The row takes it, unless it says something else."""
        done, undone = self.row(c, "do"), self.row(c, "undo")
        done_by_hand, undone_by_hand = (not row[0] or row[1] is None for row in (done, undone))
        match c.direction, c.settle:
            case "do", "done" if done_by_hand and not undone[0]:
                return self.store(c, "do", "done", None)
            case "do", "undone" if not done[0] and undone_by_hand:
                self.store(c, "undo", undone[0] or "nothing-to-undo", None)
                return "refused", None, "settled by hand"
            case "undo", "undone" if undone_by_hand:
                self.store(c, "undo", undone[0] or "undone", None)
                return "undone", None, None
        return "rejected", None, f"the row has do: {done[0] or 'nothing'}, undo: {undone[0] or 'nothing'}"

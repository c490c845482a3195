"""What inventory, payment and shipping do for the saga place-order: the contract is sagas/placeorder/contract."""
import os
import time

from barrier import Refused

SCHEMA = """CREATE TABLE IF NOT EXISTS stock (article TEXT PRIMARY KEY, units INTEGER);
            CREATE TABLE IF NOT EXISTS credit (customer TEXT PRIMARY KEY, amount INTEGER)"""


def take(db, table, key, column, name, amount, start, why):
    """Every article begins with 100 units, every customer with £1,000."""
    db.execute(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", (name, start))
    db.execute(f"UPDATE {table} SET {column} = {column} - ? WHERE {key} = ?", (amount, name))
    if db.execute(f"SELECT {column} FROM {table} WHERE {key} = ?", (name,)).fetchone()[0] < 0:
        raise Refused(why)


# An action gets the transaction, the request, which is somebody's, and, where it
# undoes, the output of what was done: None if a person settled that, and nobody
# knows. What it raises takes its changes back.

def reserve(db, order, _):
    take(db, "stock", "article", "units", order["article"], positive(order["units"]), 100, "out of stock")
    time.sleep(float(os.environ.get("WORK_SECONDS", 0)))  # work that takes long
    return {"reservation": "R-" + order["order"]}


def release(db, order, _):
    db.execute("UPDATE stock SET units = units + ? WHERE article = ?", (positive(order["units"]), order["article"]))


def charge(db, order, _):
    take(db, "credit", "customer", "amount", order["customer"], positive(order["amount"]), 10_000_000, "credit limit reached")
    return {"receipt": "C-" + order["order"]}


def refund(db, order, _):
    db.execute("UPDATE credit SET amount = amount + ? WHERE customer = ?", (positive(order["amount"]), order["customer"]))


def ship(db, order, _):
    if positive(order["units"]) > 50:
        raise Refused("parcel too large")
    return {"parcel": "P-" + order["order"]}


def positive(n):
    if type(n) is not int or n < 1:
        raise ValueError(f"{n!r:.40} is no positive number")
    return n


ACTIONS = {"inventory": {"do reserve": reserve, "undo release": release},
           "payment": {"do charge": charge, "undo refund": refund},
           "shipping": {"do ship": ship}}

"""Shows a participant to operators: as a NATS micro service, which `nats micro ls` and the console find."""
import datetime
import json
import secrets
import socket


def announce(nc, prefix, name, actions, counts):
    """Answers $SRV.PING, .INFO and .STATS, and what was counted. Returns who answers: its id and host."""
    host = socket.gethostname()[:64]
    who = {"name": name, "id": secrets.token_hex(11), "version": "0.1.0", "metadata": {
        "amends-durable": name, "amends-actions": ", ".join(sorted(actions)),
        "amends-host": host, "amends-sdk": "python-example/0.1.0"}}
    endpoint = {"name": "counts", "subject": f"amends.participant.{prefix}.{name}.counts"}
    started = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")

    def ping():
        return who | {"type": "io.nats.micro.v1.ping_response"}

    def info():
        return who | {"type": "io.nats.micro.v1.info_response", "description": f"participant {name}", "endpoints": [endpoint]}

    def stats():
        return who | {"type": "io.nats.micro.v1.stats_response", "started": started, "endpoints": [endpoint | {"data": dict(counts)}]}

    def answer(subject, make):
        nc.subscribe(subject, lambda message: nc.publish(message.reply, json.dumps(make()).encode()))

    for verb, make in ("PING", ping), ("INFO", info), ("STATS", stats):
        for about in (verb, f"{verb}.{name}", f"{verb}.{name}.{who['id']}"):
            answer("$SRV." + about, make)
    answer(endpoint["subject"], lambda: dict(counts))
    return f"{who['id']}@{host}"

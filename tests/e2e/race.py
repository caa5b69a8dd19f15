#!/usr/bin/env python3
"""64 clients create children of a CA while others retire it: race.py API-SOCKET ROUNDS

Prints one line a promise: what is promised, a tab, and what breaks it (nothing, if it holds).
"""
import http.client
import json
import random
import socket
import sys
import threading
import time

CLIENTS = 64
RETIRERS = 4
path, rounds = sys.argv[1], int(sys.argv[2])


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(120)
        self.sock.connect(path)


def ask(method, where, body=None):
    connection = Connection("localhost")
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, "/api/v1" + where, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    return answer.status, said


def code(said):
    return said.get("error", {}).get("code")


def create(issuer, name, parent=None):
    body = {"name": name, "subject": {"common_name": name}, "algorithm": "ECDSA-P256"}
    return ask("POST", "/issuers/%s/intermediates" % issuer, body | ({"parent_ca_id": parent} if parent else {}))


broken = {}


def promise(what, good, detail=""):
    broken.setdefault(what, [])
    if not good:
        broken[what].append(str(detail))


def together(deeds):
    """All at once; what each answered."""
    answers = [None] * len(deeds)
    start = threading.Barrier(len(deeds))

    def run(i):
        start.wait()
        answers[i] = deeds[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(deeds))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return answers


def create_late(lag, issuer, name, parent):
    time.sleep(lag)
    return create(issuer, name, parent)


def retire(parent, wait):
    time.sleep(wait)
    first = ask("POST", "/intermediates/%s/retire" % parent, {})
    return first, ask("POST", "/intermediates/%s/retire" % parent, {"confirm": True})


def race(number):
    _, issuer = ask("POST", "/issuers", {"name": "race %d" % number})
    issuer = issuer["id"]
    status, root = create(issuer, "race %d root" % number)
    promise("there is a parent to retire", status == 201, root)
    parent = root["id"]
    # In every other round those who retire it have a head start, so that it may be retired before a child is made.
    wait, lag = (0, 0.03) if number % 2 else (random.choice((0, 0.01, 0.05, 0.2)), 0)
    deeds = [lambda i=i: create_late(lag, issuer, "race %d child %d" % (number, i), parent) for i in range(CLIENTS)]
    deeds += [lambda: retire(parent, wait)] * RETIRERS
    answers = together(deeds)
    made = {said["id"] for status, said in answers[:CLIENTS] if status == 201}
    for status, said in answers[:CLIENTS]:
        promise("a child is made, or refused with a reason that says what to do",
                status in (201, 429) or (status, code(said)) in ((409, "parent_not_active"), (409, "ca_not_active")),
                (status, said))
    firsts = [a[0] for a in answers[CLIENTS:]]
    seconds = [a[1] for a in answers[CLIENTS:]]
    taken = sum(status == 200 and said["state"] == "retiring" for status, said in firsts)
    promise("one of those who retire it takes the first step", taken == 1, firsts)
    confirmed = sum(status == 200 for status, _ in seconds)
    promise("at most one takes the second", confirmed <= 1, seconds)
    look(issuer, parent, made, confirmed)
    return issuer, parent, made, confirmed


def look(issuer, parent, made, confirmed):
    _, listed = ask("GET", "/issuers/%s/intermediates" % issuer)
    cas = {ca["id"]: ca for ca in listed["data"]}
    below = {i: ca for i, ca in cas.items() if ca["parent_ca_id"] == parent}
    promise("those who were told so have their CA, and nobody else has one", set(below) == made,
            (set(below) ^ made, {i: ca["state"] for i, ca in below.items()}))
    promise("each of them is active", all(ca["state"] == "active" for ca in below.values()), below)
    state = cas[parent]["state"]
    promise("the parent is where the last step took it", state == ("retired" if confirmed else "retiring"), state)
    promise("there is never an active CA under a retired one", state != "retired" or not below, (state, len(below)))


def records(races):
    """What the ledger says of all races."""
    notes, closed, head, at = {}, {}, 1, 0
    while at is not None:
        _, page = ask("GET", "/audit?from=%d&limit=1000" % at)
        for r in page["data"]:
            context = r.get("context")
            if r["type"] == "NOTE" and isinstance(context, dict) and "from" in context:
                notes.setdefault(context["ca"], []).append((context["from"], context["to"]))
            if r["type"] == "CA_CLOSED":
                closed[r["ca_key"]] = closed.get(r["ca_key"], 0) + 1
        at = page["next"]
    for issuer, parent, made, confirmed in races:
        steps = [("created", "active"), ("active", "retiring")] + [("retiring", "retired")] * confirmed
        promise("each step of the parent is on the ledger once", notes.get(parent) == steps, notes.get(parent))
        for child in made:
            promise("and that of each child", notes.get(child) == [("created", "active")], (child, notes.get(child)))
    promise("each key was closed once", set(closed.values()) == {1} and len(closed) == len(races), closed)


races = [race(i) for i in range(rounds)]
records(races)
for what, details in broken.items():
    print(what + "\t" + "; ".join(details)[:2000])
print("#%d rounds, %d children made in %d of them, %d parents retired for good" % (
    rounds, sum(len(m) for _, _, m, _ in races), sum(bool(m) for _, _, m, _ in races), sum(c for _, _, _, c in races)))

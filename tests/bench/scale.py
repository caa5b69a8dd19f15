#!/usr/bin/env python3
"""A tree of CAs, grown over the API, and what one more costs.

    scale.py SOCKET ISSUER COUNT DEPTH CLIENTS [--measure CREATES NAME=PID...]

Grows ISSUER's tree to COUNT CAs, DEPTH deep, with so many clients at a time. With --measure it stops at ten and at COUNT
and makes CREATES more each time, one after the other below the same parent: a line for each daemon, in microseconds of its
processor's time per CA, small tree, large tree, ratio.
Prints what failed, a line each, to standard error, and ends with 1 then.
"""
import glob
import http.client
import json
import socket
import statistics
import sys
import threading
import time

SMALL = 10


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(300)
        self.sock.connect(self.path)

    def ask(self, method, where, body=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self.request(method, "/api/v1" + where, None if body is None else json.dumps(body), headers)
        answer = self.getresponse()
        said = answer.read()
        return answer.status, json.loads(said) if said else None


class Tree:
    """Each new CA goes below the one whose turn it is, so that all levels fill; the first DEPTH make a line."""

    def __init__(self, path, issuer, depth):
        self.path, self.issuer, self.depth = path, issuer, depth
        self.lock = threading.Lock()
        self.asked = 0
        self.levels = [[] for _ in range(depth)]
        self.failures = []

    def count(self):
        return sum(len(level) for level in self.levels)

    def create(self, connection, name, parent):
        body = {"name": name, "subject": {"common_name": name}, "algorithm": "ECDSA-P256"}
        if parent:
            body["parent_ca_id"] = parent
        while True:
            status, said = connection.ask("POST", "/issuers/%s/intermediates" % self.issuer, body)
            if status != 429:
                break
            time.sleep(0.2)
        if status != 201:
            self.failures.append("%s: %s %s" % (name, status, said))
            return None
        return said["id"]

    def grow_one(self, connection, number):
        level = number if number < self.depth else 1 + number % (self.depth - 1)
        with self.lock:
            above = self.levels[level - 1] if level else None
            parent = above[number % len(above)] if above else None
        made = self.create(connection, "scale %d" % number, parent)
        if made:
            with self.lock:
                self.levels[level].append(made)

    def grow(self, count, clients):
        connection = Connection(self.path)
        while self.asked < min(count, self.depth):
            self.grow_one(connection, self.asked)
            self.asked += 1

        def run():
            own = Connection(self.path)
            while True:
                with self.lock:
                    number = self.asked
                    if number >= count or self.failures:
                        return
                    self.asked += 1
                self.grow_one(own, number)

        threads = [threading.Thread(target=run) for _ in range(clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


def cpu(pid):
    """Nanoseconds on a processor, of all threads that are alive."""
    total = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        try:
            with open(path) as f:
                total += int(f.read().split()[0])
        except OSError:
            pass
    return total


def measure(tree, connection, creates, pids, mark):
    """The median of what each daemon spends on one CA more."""
    parent = tree.levels[2][0]
    spent = {name: [] for name in pids}
    for i in range(creates):
        before = {name: cpu(pid) for name, pid in pids.items()}
        tree.create(connection, "%s %d" % (mark, i), parent)
        for name, pid in pids.items():
            spent[name].append((cpu(pid) - before[name]) / 1000)
    return {name: statistics.median(values) for name, values in spent.items()}


def main():
    path, issuer, count, depth, clients = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    tree = Tree(path, issuer, depth)
    if len(sys.argv) > 6:
        creates = int(sys.argv[7])
        pids = {name: int(pid) for name, pid in (word.split("=") for word in sys.argv[8:])}
        connection = Connection(path)
        tree.grow(SMALL, 1)
        small = measure(tree, connection, creates, pids, "small")
        tree.grow(count - creates, clients)
        large = measure(tree, connection, creates, pids, "large")
        for name in pids:
            print("%-8s %8.0f %8.0f %6.2f" % (name, small[name], large[name], large[name] / small[name]))
    else:
        tree.grow(count, clients)
    for failure in tree.failures:
        print(failure, file=sys.stderr)
    sys.exit(1 if tree.failures else 0)


main()

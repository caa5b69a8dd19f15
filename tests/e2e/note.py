#!/usr/bin/env python3
"""Puts a note on the ledger as a front-end would: note.py SIGN-SOCKET LEDGER-ID KIND CONTEXT-JSON"""
import os, re, socket, struct, sys, time

path, ledger_id, kind, context = sys.argv[1:5]
with open(os.path.join(os.path.dirname(__file__), "../../daemon/wire/inner.h")) as header:
    VERSION = int(re.search(r"INNER_VERSION (\d+)", header.read())[1])


def ask(s, verb, body):
    s.sendall(struct.pack("<IBBHQ", len(body), 1, 1, verb, 1) + body)
    head = b""
    while len(head) < 16:
        head += s.recv(16 - len(head)) or sys.exit("note: the connection was closed")
    n, _, answer = struct.unpack_from("<IBB", head)
    body = b""
    while len(body) < n:
        body += s.recv(n - len(body)) or sys.exit("note: the connection was closed")
    if answer != 2:
        sys.exit("note: refused: %r" % body)
    return body


with socket.socket(socket.AF_UNIX) as s:
    s.connect(path)
    ask(s, 1, struct.pack("<H16sQ32sQI", VERSION, bytes.fromhex(ledger_id), 0, bytes(32), 0, 0))
    request_id = int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10)
    text = context.encode()
    print(struct.unpack("<Q", ask(s, 13, request_id + bytes([int(kind)]) + struct.pack("<H", len(text)) + text))[0])

#!/usr/bin/env python3
"""Stands between front-end and signer and forges answers: forger.py SOCKET SIGNER-SOCKET WORDS

While the file WORDS exists, of what the signer answers each occurrence of its first line becomes its second, of the same
length. Records that are read from the ledger stay as they are: the front-end reads them whenever it likes to, and one
that was bent would cost it the link. While WORDS.drop exists, what the front-end asks with its text in it is dropped,
which makes the file WORDS.dropped. All else passes as it is, descriptors too.
"""
import os
import re
import socket
import sys
import threading

path, signer, words = sys.argv[1:4]
HEAD = 16  # a frame's: the body's length first, the verb at the sixth byte
with open(os.path.join(os.path.dirname(__file__), "../../daemon/wire/inner.def")) as verbs:
    LEDGER_READ = int(re.search(r"VERB\((\d+), LEDGER_READ,", verbs.read())[1])


def forged(frame):
    if int.from_bytes(frame[6:8], "little") == LEDGER_READ:
        return frame
    try:
        with open(words, "rb") as f:
            true, false = f.read().split(b"\n")[:2]
    except FileNotFoundError:
        return frame
    return frame.replace(true, false) if len(true) == len(false) else frame


def dropped(frame):
    try:
        with open(words + ".drop", "rb") as f:
            text = f.read().strip()
    except FileNotFoundError:
        return frame
    if text not in frame:
        return frame
    open(words + ".dropped", "w").close()
    return b""


def pump(source, sink, change):
    rest, files = b"", []
    try:
        while True:
            data, came, _, _ = socket.recv_fds(source, 1 << 20, 8)
            if not data:
                break
            rest += data
            files += came
            while len(rest) >= HEAD and len(rest) >= HEAD + int.from_bytes(rest[:4], "little"):
                size = HEAD + int.from_bytes(rest[:4], "little")
                frame, rest = change(rest[:size]), rest[size:]
                if files and frame:
                    frame = frame[socket.send_fds(sink, [frame], files):]
                sink.sendall(frame)
                for one in files:
                    os.close(one)
                files = []
    except OSError:
        pass
    for s in (source, sink):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(path)
listener.listen()
while True:
    front, _ = listener.accept()
    back = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        back.connect(signer)
    except OSError:
        front.close()
        continue
    threading.Thread(target=pump, args=(front, back, dropped), daemon=True).start()
    threading.Thread(target=pump, args=(back, front, forged), daemon=True).start()

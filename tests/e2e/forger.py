#!/usr/bin/env python3
"""Stands between front-end and signer and forges answers: forger.py SOCKET SIGNER-SOCKET WORDS

While the file WORDS exists, of what the signer says each occurrence of its first line becomes its second, of the same
length. While WORDS.drop exists, what the front-end asks with its text in it is dropped, which makes the file
WORDS.dropped. All else passes as it is, descriptors too.
"""
import os
import socket
import sys
import threading

path, signer, words = sys.argv[1:4]


def forged(data):
    try:
        with open(words, "rb") as f:
            true, false = f.read().split(b"\n")[:2]
    except FileNotFoundError:
        return data
    return data.replace(true, false) if len(true) == len(false) else data


def dropped(data):
    try:
        with open(words + ".drop", "rb") as f:
            text = f.read().strip()
    except FileNotFoundError:
        return data
    if text not in data:
        return data
    open(words + ".dropped", "w").close()
    return b""


def pump(source, sink, change):
    try:
        while True:
            data, files, _, _ = socket.recv_fds(source, 1 << 20, 8)
            if not data:
                break
            data = change(data)
            if files and data:
                data = data[socket.send_fds(sink, [data], files):]
            sink.sendall(data)
            for one in files:
                os.close(one)
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

#!/usr/bin/env python3
"""An OCSP request as openssl would not write it: ocsp_request.py FILE WHAT [NUMBER] > OTHER

nonce N: with a nonce of N bytes. critical: with an unknown critical extension. plain: with an unknown one that isn't.
times N: what is asked for, N times. version: v2. tail: with a byte behind it. indefinite: a length that DER has not.
"""
import sys


def der(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    size = bytes([n]) if n < 128 else bytes([0x80 | len(long := n.to_bytes((n.bit_length() + 7) // 8, "big"))]) + long
    return bytes([tag]) + size + body


def inside(data):
    head = 2 if data[1] < 128 else 2 + (data[1] & 0x7F)
    return data[head:]


def extension(oid, value, critical):
    return der(0xA2, der(0x30, der(0x30, der(6, oid), der(1, b"\xff") if critical else b"", der(4, value))))


data = open(sys.argv[1], "rb").read()
what = sys.argv[2]
number = int(sys.argv[3]) if len(sys.argv) > 3 else 0
tbs = inside(inside(data))
nonce, unknown = bytes.fromhex("2b0601050507300102"), bytes.fromhex("2a0304")
out = {
    "nonce": lambda: der(0x30, der(0x30, tbs, extension(nonce, der(4, bytes(range(number))), False))),
    "critical": lambda: der(0x30, der(0x30, tbs, extension(unknown, b"\5\0", True))),
    "plain": lambda: der(0x30, der(0x30, tbs, extension(unknown, b"\5\0", False))),
    "times": lambda: der(0x30, der(0x30, der(0x30, inside(tbs) * number))),
    "version": lambda: der(0x30, der(0x30, der(0xA0, der(2, b"\1")), tbs)),
    "tail": lambda: data + b"\0",
    "indefinite": lambda: b"\x30\x80" + inside(data) + b"\0\0",
}[what]()
sys.stdout.buffer.write(out)

#!/usr/bin/env python3
"""An OCSP request as openssl would not write it: ocsp_request.py FILE WHAT [NUMBER] > OTHER

nonce N: with a nonce of N bytes. critical: with an unknown critical extension. plain: with an unknown one that isn't.
one-critical, one-nonce: with an extension of the first certificate's. two-nonces. none: of no certificate.
times N: what is asked for, N times. version: v2. tail: with a byte behind it. indefinite: a length that DER has not.
name, key: by an issuer whose name, or whose key, has another hash; second: so asks the second of two. short: a hash
that lacks a byte. negative: a serial number below nought. signed: with a signature that is none.
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


def one(oid, value, critical):
    return der(0x30, der(6, oid), der(1, b"\xff") if critical else b"", der(4, value))


def extension(oid, value, critical, tag=0xA2):
    return der(tag, der(0x30, one(oid, value, critical)))


def parts(data):
    while data:
        head = 2 if data[1] < 128 else 2 + (data[1] & 0x7F)
        size = data[1] if data[1] < 128 else int.from_bytes(data[2:head], "big")
        yield data[: head + size]
        data = data[head + size :]


def bent(value):
    return der(value[0], inside(value)[:-1] + bytes([inside(value)[-1] ^ 1]))


def asking(*requests):
    return der(0x30, der(0x30, der(0x30, *requests)))


data = open(sys.argv[1], "rb").read()
what = sys.argv[2]
number = int(sys.argv[3]) if len(sys.argv) > 3 else 0
tbs = inside(inside(data))
cert_id = inside(inside(tbs))
algorithm, name, key, serial = parts(inside(cert_id))
nonce, unknown = bytes.fromhex("2b0601050507300102"), bytes.fromhex("2a0304")
out = {
    "nonce": lambda: der(0x30, der(0x30, tbs, extension(nonce, der(4, bytes(i % 256 for i in range(number))), False))),
    "critical": lambda: der(0x30, der(0x30, tbs, extension(unknown, b"\5\0", True))),
    "plain": lambda: der(0x30, der(0x30, tbs, extension(unknown, b"\5\0", False))),
    "times": lambda: der(0x30, der(0x30, der(0x30, inside(tbs) * number))),
    "version": lambda: der(0x30, der(0x30, der(0xA0, der(2, b"\1")), tbs)),
    "one-critical": lambda: asking(der(0x30, cert_id, extension(unknown, b"\5\0", True, 0xA0))),
    "one-nonce": lambda: asking(der(0x30, cert_id, extension(nonce, der(4, b"12345678"), False, 0xA0))),
    "two-nonces": lambda: der(0x30, der(0x30, tbs, der(0xA2, der(0x30, one(nonce, der(4, b"1" * 8), False) * 2)))),
    "none": lambda: asking(),
    "name": lambda: asking(der(0x30, der(0x30, algorithm, bent(name), key, serial))),
    "key": lambda: asking(der(0x30, der(0x30, algorithm, name, bent(key), serial))),
    "second": lambda: asking(inside(tbs), der(0x30, der(0x30, algorithm, name, bent(key), serial))),
    "short": lambda: asking(der(0x30, der(0x30, algorithm, name, der(4, inside(key)[1:]), serial))),
    "negative": lambda: asking(der(0x30, der(0x30, algorithm, name, key, der(2, b"\xff")))),
    "signed": lambda: der(0x30, der(0x30, tbs), der(0xA0, der(0x30, algorithm, der(3, b"\0nothing")))),
    "tail": lambda: data + b"\0",
    "indefinite": lambda: b"\x30\x80" + inside(data) + b"\0\0",
}[what]()
sys.stdout.buffer.write(out)

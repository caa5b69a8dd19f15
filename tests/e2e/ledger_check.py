#!/usr/bin/env python3
"""Checks a ledger folder from its description alone: no line is shared with the programs that wrote it.

usage: ledger_check.py FOLDER

Every segment's head, every record's check, number and place in its batch, zeros in all reserved space,
the Merkle root (RFC 6962) and the checkpoint's root and signature. Exit status 0 if all of it holds.
"""
import base64, hashlib, os, re, struct, subprocess, sys, tempfile


def sha256(data):
    return hashlib.sha256(data).digest()


def insist(holds, why):
    if not holds:
        sys.exit("ledger_check: " + why)


def root(peaks):
    """peaks: (leaves, hash) of full subtrees, largest first."""
    if not peaks:
        return sha256(b"")
    h = peaks[-1][1]
    for _, left in reversed(peaks[:-1]):
        h = sha256(b"\1" + left + h)
    return h


def append(peaks, h):
    n = 1
    while peaks and peaks[-1][0] == n:
        h = sha256(b"\1" + peaks.pop()[1] + h)
        n *= 2
    peaks.append((n, h))


def start_fields(body):
    """LEDGER_START: the ledger id and the log key's SubjectPublicKeyInfo."""
    ledger_id, at = body[:16], 20
    for _ in range(3):
        at += 2 + struct.unpack_from("<H", body, at)[0]
    at += 1
    n = struct.unpack_from("<H", body, at)[0]
    insist(at + 2 + n == len(body), "record 0: bytes left over")
    return ledger_id, body[at + 2:]


def segment(data, name, state):
    insist(len(data) >= 80 and data[:8] == b"CHLEDGER", name + ": not a segment")
    version, epoch, ledger_id, first, before, check = struct.unpack("<II16sQ32s8s", data[8:80])
    insist(version == 1 and check == sha256(b"\0" + data[:72])[:8], name + ": head broken")
    insist(name == "%016x.seg" % first and first == state["size"], name + ": not in its place")
    insist(before == root(state["peaks"]), name + ": root of what is before it is another")
    insist(state["id"] in (None, ledger_id) and epoch >= state["epoch"], name + ": another ledger's")
    state["id"], state["epoch"] = ledger_id, epoch
    at, inside = 80, False
    while any(data[at:at + 5]):
        insist(at + 32 <= len(data), name + ": ends inside a record")
        length, kind, flags, version, seq, _ = struct.unpack_from("<IBBHQq", data, at)
        leaf = data[at:at + 24 + length]
        h = sha256(b"\0" + leaf)
        insist(kind and version == 1 and flags < 4, name + ": no record at %d" % at)
        insist(data[at + 24 + length:at + 32 + length] == h[:8], "record %d: check" % state["size"])
        insist(seq == state["size"] and bool(flags & 2) != inside, "record %d: number or batch" % state["size"])
        if seq == 0:
            insist(kind == 1, "record 0 doesn't start a ledger")
            state["start"], state["key"] = start_fields(leaf[24:])
        append(state["peaks"], h)
        if state["visit"]:
            state["visit"](kind, seq, leaf[24:], root(state["peaks"]))
        state["size"] += 1
        if state["size"] == state["wanted"]:
            state["root"] = root(state["peaks"])
        inside = not flags & 1
        at += 32 + length
    insist(not inside, name + ": its last batch isn't whole")
    insist(not any(data[at:]), name + ": reserved space isn't zero")


def openssl(*args):
    return subprocess.run(("openssl",) + args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def signature_holds(text, origin, blob, spki):
    ed25519 = spki[:12] == bytes.fromhex("302a300506032b6570032100")
    key_id = b"\1" + spki[12:] if ed25519 else b"\xffchancery" + spki
    if blob[:4] != sha256(origin + b"\n" + key_id)[:4]:
        return False
    with tempfile.TemporaryDirectory() as d:
        paths = [os.path.join(d, n) for n in ("text", "signature", "key")]
        for path, content in zip(paths, (text, blob[4:], spki)):
            with open(path, "wb") as f:
                f.write(content)
        message, signature, key = paths
        if ed25519:
            return openssl("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", key, "-rawin", "-in", message,
                           "-sigfile", signature) == 0
        return openssl("dgst", "-sha256", "-keyform", "DER", "-verify", key, "-signature", signature, message) == 0


def read(folder, visit=None):
    """The state at the end; visit gets each record: type, number, body, and the root with it."""
    note, state = None, {"size": 0, "peaks": [], "id": None, "epoch": 0, "root": None, "wanted": None, "visit": visit}
    if os.path.exists(os.path.join(folder, "checkpoint")):
        with open(os.path.join(folder, "checkpoint"), "rb") as f:
            note = re.fullmatch(rb"((chancery/([0-9a-f]{32}))\n(\d+)\n(\S{44})\n)\n((?:\xe2\x80\x94 [^\n]+\n)+)", f.read())
        insist(note, "checkpoint: not a note")
        state["wanted"] = int(note[4])
    names = sorted(n for n in os.listdir(folder) if n.endswith(".seg"))
    insist(names, "no segments")
    for name in names:
        with open(os.path.join(folder, name), "rb") as f:
            segment(f.read(), name, state)
    insist(state["size"] == 0 or state["start"] == state["id"], "record 0 names another ledger")
    if note:
        insist(bytes.fromhex(note[3].decode()) == state["id"], "checkpoint: another ledger's")
        insist(base64.b64decode(note[5]) == state["root"], "checkpoint: root or size is another")
        blobs = [base64.b64decode(l.split(b" ")[2]) for l in note[6].splitlines() if l.split(b" ")[1] == note[2]]
        insist(any(signature_holds(note[1], note[2], b, state["key"]) for b in blobs), "checkpoint: signature is wrong")
    return state


if __name__ == "__main__":
    insist(len(sys.argv) == 2, "usage: ledger_check.py FOLDER")
    end = read(sys.argv[1])
    print("size=%d root=%s checkpoint=%s" % (end["size"], root(end["peaks"]).hex(), end["wanted"]))

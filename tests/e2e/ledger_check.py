#!/usr/bin/env python3
"""Checks a ledger folder from its description alone: no line is shared with the programs that wrote it.

usage: ledger_check.py FOLDER
       ledger_check.py --proof FILE KEY.pem

Every segment's head, every record's check, number and place in its batch, zeros in all reserved space,
the Merkle root (RFC 6962) and the checkpoint's root and signature; or a proof of records or of consistency, under
that log key. Exit status 0 if all of it holds.
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


NOTE = rb"((chancery/([0-9a-f]{32}))\n(\d+)\n(\S{44})\n)\n((?:\xe2\x80\x94 [^\n]+\n)+)"


def note_read(data, spki):
    """Size and root that the log key signed."""
    note = re.fullmatch(NOTE, data)
    insist(note, "not a note")
    blobs = [base64.b64decode(l.split(b" ")[2]) for l in note[6].splitlines() if l.split(b" ")[1] == note[2]]
    insist(any(signature_holds(note[1], note[2], b, spki) for b in blobs), "the note's signature is wrong")
    return int(note[4]), base64.b64decode(note[5])


def node(left, right):
    return sha256(b"\1" + left + right)


def included(h, index, size, path):
    """RFC 6962 2.1.1, from the root down: the root that leaf and path lead to."""
    if size == 1:
        insist(not path, "hashes left over")
        return h
    insist(path, "a hash is missing")
    k = 1 << (size - 1).bit_length() - 1
    if index < k:
        return node(included(h, index, k, path[:-1]), path[-1])
    return node(path[-1], included(h, index - k, size - k, path[:-1]))


def prefix(first, size, path, whole, old):
    """RFC 6962 2.1.2: the roots of the older and of the newer tree that the path leads to."""
    if first == size:
        if whole:
            return old, old
        insist(path, "a hash is missing")
        return path[-1], path[-1]
    k = 1 << (size - 1).bit_length() - 1
    insist(path, "a hash is missing")
    if first <= k:
        a, b = prefix(first, k, path[:-1], whole, old)
        return a, node(b, path[-1])
    a, b = prefix(first - k, size - k, path[:-1], False, old)
    return node(path[-1], a), node(path[-1], b)


def proof(data, spki):
    parts = data.split(b"\n\n", 1)
    lines = parts[0].split(b"\n")
    insist(lines[1] == b"key " + base64.b64encode(spki), "another log key")
    if lines[0] == b"chancery consistency 1":
        notes = re.fullmatch(b"(" + NOTE + b")\n(" + NOTE + b")", parts[1])
        insist(notes, "not two notes")
        (first, old), (second, new) = note_read(notes[1], spki), note_read(notes[8], spki)
        path = [base64.b64decode(l) for l in lines[2:]]
        insist(prefix(first, second, path, True, old) == (old, new), "not consistent")
        return "%d of %d" % (first, second)
    insist(lines[0] == b"chancery proof 1", "not a proof")
    size, signed = note_read(parts[1], spki)
    records = re.findall(rb"record (\d+)\n(\S+)((?:\n(?!record )\S+)*)", parts[0])
    insist(records, "no record")
    for seq, leaf, path in records:
        leaf = base64.b64decode(leaf)
        insist(struct.unpack_from("<Q", leaf, 8)[0] == int(seq), "the leaf is another record")
        path = [base64.b64decode(l) for l in path.split()]
        insist(included(sha256(b"\0" + leaf), int(seq), size, path) == signed, "the path leads elsewhere")
    return "records %s of %d" % (" ".join(r[0].decode() for r in records), size)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--proof"] and len(sys.argv) == 4:
        spki = subprocess.run(["openssl", "pkey", "-pubin", "-in", sys.argv[3], "-outform", "DER"], stdout=subprocess.PIPE,
                              check=True).stdout
        with open(sys.argv[2], "rb") as f:
            print(proof(f.read(), spki))
        sys.exit(0)
    insist(len(sys.argv) == 2, "usage: ledger_check.py FOLDER")
    end = read(sys.argv[1])
    print("size=%d root=%s checkpoint=%s" % (end["size"], root(end["peaks"]).hex(), end["wanted"]))

#!/usr/bin/env python3
"""Checks a ledger folder from its description alone: no line is shared with the programs that wrote it.

usage: ledger_check.py FOLDER
       ledger_check.py --proof FILE KEY.pem

Every segment's head, every record's check, number and place in its batch, zeros in all reserved space,
the Merkle root (RFC 6962) and the checkpoint's root and signature, and that what needed approvals has them; or a proof of records or of consistency, under
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


def people_signature(data, signature, spki):
    """As openssl dgst and pkcs11-tool write them."""
    pair = b""
    if spki[:1] == b"\x30" and b"\x2a\x86\x48\xce\x3d\x02\x01" in spki[:20] and len(signature) % 2 == 0:
        halves = signature[:len(signature) // 2], signature[len(signature) // 2:]
        numbers = [h.lstrip(b"\0") for h in halves]
        numbers = [b"\0" + n if n[:1] >= b"\x80" else n for n in numbers]
        pair = der_wrap(b"".join(b"\2" + bytes([len(n)]) + n for n in numbers))
    with tempfile.TemporaryDirectory() as d:
        paths = [os.path.join(d, n) for n in ("text", "signature", "pair", "key")]
        for path, content in zip(paths, (data, signature, pair, spki)):
            with open(path, "wb") as f:
                f.write(content)
        message, der_form, pair_form, key = paths
        if spki[:12] == bytes.fromhex("302a300506032b6570032100"):
            return openssl("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", key, "-rawin", "-in", message,
                           "-sigfile", der_form) == 0
        more = [[], ["-sigopt", "rsa_padding_mode:pss"]]
        return any(openssl("dgst", "-" + h, "-keyform", "DER", "-verify", key, *how, "-signature", form, message) == 0
                   for h in ("sha256", "sha384", "sha512") for how in more for form in (der_form, pair_form))


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


class Fields:
    """A record's fields, in order."""

    def __init__(self, body):
        self.body, self.at = body, 0

    def fixed(self, n):
        self.at += n
        insist(self.at <= len(self.body), "a record ends inside a field")
        return self.body[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.fixed(n), "little")

    def bytes(self, wide=2):
        return self.fixed(self.number(wide))

    def items(self):
        return [(self.number(1), self.bytes())[1] for _ in range(self.number(2))]


def der(data, at=0):
    """Where an element's contents begin and end."""
    n, begin = data[at + 1], at + 2
    if n & 0x80:
        begin += n & 0x7f
        n = int.from_bytes(data[at + 2:begin], "big")
    return begin, begin + n


def der_wrap(content):
    n = len(content)
    size = bytes([n]) if n < 128 else (lambda b: bytes([0x80 | len(b)]) + b)(n.to_bytes((n.bit_length() + 7) // 8, "big"))
    return b"\x30" + size + content


def draft(tbs):
    """A TBSCertificate with the serial number and notBefore that a proposal has."""
    at, end = der(tbs)
    parts = []
    while at < end:
        parts.append(tbs[at:der(tbs, at)[1]])
        at += len(parts[-1])
    parts[1] = b"\2\1\1"
    begin, _ = der(parts[4])
    parts[4] = der_wrap(b"\x17\x0d700101000000Z" + parts[4][der(parts[4], begin)[1]:])
    return der_wrap(b"".join(parts))


class People:
    """Every act that needed approvals by the ceilings of its time has them, by signatures that openssl verifies."""
    ACTS = {1: "new_ca", 2: "subca_foreign", 3: "new_root", 4: "import_root", 5: "resume", 6: "epoch"}

    def __init__(self):
        self.needed, self.keys, self.open, self.parents = {}, ([], []), {}, {}
        self.imports, self.act, self.count = False, None, 0

    def law(self, f):
        f.fixed(32)
        text = f.bytes().decode()
        group = re.search(r"^approvals = \{\n(.*?)^\};", text, re.M | re.S)
        group = group[1] if group else ""
        self.needed = {k: int((re.search(r"\t%s = (\d+);" % n, group) or [0, 0])[1]) for k, n in self.ACTS.items()}
        lists = [(re.search(r"\t%s = \((.*?)\);" % n, group, re.S) or ["", ""])[1] for n in ("approvers", "requesters")]
        self.keys = tuple([bytes.fromhex(h) for h in re.findall(r'sha256 = "(\w{64})"', l)] for l in lists)
        self.imports = 'import_roots = "approved";' in text

    def proposed(self, f):
        f.fixed(48)
        data = f.bytes(4)
        p = Fields(data)
        insist(p.fixed(21) == b"chancery-proposal-v1\n", "a proposal begins with its words")
        _, epoch, number, _, _, _ = p.fixed(16), p.number(4), p.fixed(16), p.fixed(32), p.fixed(8), p.fixed(8)
        kind, m, requester, content = p.number(1), p.number(1), p.number(1), p.bytes(4)
        insist(p.at == len(data) and int.from_bytes(number[:4], "big") == epoch, "a proposal's form")
        self.open[number] = (data, kind, m, requester, content, (set(), set()))

    def approved(self, f, seq):
        f.fixed(48)
        number, role, key, spki, signature = f.fixed(16), f.number(1), f.fixed(32), f.bytes(), f.bytes()
        insist(number in self.open and sha256(spki) == key, "record %d approves nothing" % seq)
        data, signers = self.open[number][0], self.open[number][5]
        insist(key not in signers[0] | signers[1], "record %d: a key signs twice" % seq)
        insist(people_signature(data, signature, spki), "record %d: no signature over the proposal" % seq)
        signers[role].add(key)

    def begin(self, seq, kind, content):
        if self.needed.get(kind) or kind == 2:
            self.act = (seq, kind, content)

    def spent(self, f, seq):
        act, number = f.number(8), f.fixed(16)
        insist(number in self.open, "record %d spends no open proposal" % seq)
        insist(self.act and self.act[0] == act, "record %d: what it allows isn't there" % seq)
        _, kind, m, requester, content, signers = self.open.pop(number)
        told = content in (self.act[2], None) if kind < 5 else self.act[2] in content
        insist(kind == self.act[1] and told, "record %d isn't what was proposed" % act)
        insist(len(signers[0] & set(self.keys[0])) >= max(m, self.needed[kind]), "record %d: too few approvals" % act)
        insist(not (requester or (kind < 5 and self.keys[1])) or signers[1] & set(self.keys[1]), "record %d: no requester" % act)
        if kind == 6:
            self.open = {}
        self.act, self.count = None, self.count + 1

    def visit(self, kind, seq, body, _):
        insist(not self.act or seq <= self.act[0] + 2, "record %d needed approvals" % (self.act or [0])[0])
        f = Fields(body)
        if kind == 11:
            self.law(f)
        elif kind == 20:
            self.proposed(f)
        elif kind == 21:
            self.approved(f, seq)
        elif kind == 28:
            self.spent(f, seq)
        elif kind == 29:
            self.open.pop(body[48:64], None)
        elif kind == 7:
            f.fixed(8)
            key = f.fixed(16)
            f.fixed(16)
            self.parents.setdefault(key, f.bytes(4)[16:32])
        elif kind == 4:
            f.fixed(48)
            ca, what, key, tbs = f.fixed(16), f.number(1), f.fixed(16), f.bytes(4)
            if what == 4 or (what == 2 and self.parents.get(key) != ca):
                self.begin(seq, 2 if what == 4 else 3 if ca == key else 1, draft(tbs))
        elif kind == 24 and self.imports:
            f.fixed(64)
            f.bytes(), f.bytes(), f.number(1), f.bytes()
            certificate = f.bytes(4)
            chain = f.items()
            self.begin(seq, 4, (chain[-1] if chain else b"") + certificate)
        elif kind == 13:
            f.fixed(4)
            self.begin(seq, 5, f.bytes())
        elif kind == 22:
            f.fixed(8)
            self.open = {n: p for n, p in self.open.items() if p[1] == 6}
            self.begin(seq, 6, f.bytes())


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
    people = People()
    end = read(sys.argv[1], people.visit)
    insist(not people.act, "the last act needed approvals")
    print("size=%d root=%s checkpoint=%s approved=%d" % (end["size"], root(end["peaks"]).hex(), end["wanted"], people.count))

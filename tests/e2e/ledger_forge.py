#!/usr/bin/env python3
"""Makes ledgers, and does to them what nobody should: written from the format's description alone.

usage: ledger_forge.py make FOLDER KEY.pem RECORDS SEGMENTS SIGNED    a ledger whose head is signed over SIGNED records
       ledger_forge.py sign FOLDER KEY.pem SIZE                       the note over its first SIZE records, to stdout
       ledger_forge.py where FOLDER SEQ                               SEGMENT OFFSET of a record
       ledger_forge.py flip FOLDER SEQ                                one bit in its body
       ledger_forge.py swap FOLDER SEQ                                it and the one behind it, bytes and all
       ledger_forge.py remove FOLDER SEQ                              what follows moves up
       ledger_forge.py reseal FOLDER SEQ                              one bit, and the record's own check made right
       ledger_forge.py rewrite FOLDER SEQ                             one bit, and all that depends on it but signatures
       ledger_forge.py head FOLDER SIZE                               the file head, as after a flush of SIZE records
       ledger_forge.py snapshot FOLDER KEY.pem SIZE                   a snapshot with its note, signed, of SIZE records
       ledger_forge.py archive FOLDER FIRST TO                        that segment goes there, and its mark says so
       ledger_forge.py append FOLDER TYPE                             a record of that type behind the last one
       ledger_forge.py tear FOLDER SEQ                                it and all behind it become zeros but for one byte
"""
import base64, hashlib, os, struct, subprocess, sys, tempfile

HEAD, PAGE = 80, 4096


def sha256(data):
    return hashlib.sha256(data).digest()


def root(hashes):
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return sha256(b"\1" + root(hashes[:k]) + root(hashes[k:]))


def sealed(leaf):
    return leaf + sha256(b"\0" + leaf)[:8]


def record(kind, flags, seq, time, body):
    return sealed(struct.pack("<IBBHQq", len(body), kind, flags, 1, seq, time) + body)


def leaf_hash(raw):
    return sha256(b"\0" + raw[:-8])


def segments_read(folder):
    """[first, ledger id, size of the file, [raw records]]"""
    out = []
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".seg")):
        with open(os.path.join(folder, name), "rb") as f:
            data = f.read()
        at, records = HEAD, []
        while any(data[at:at + 5]):
            n = 32 + struct.unpack_from("<I", data, at)[0]
            records.append(data[at:at + n])
            at += n
        out.append([int(name[:16], 16), data[16:32], len(data), records])
    return out


def segments_write(folder, segments, heads=True):
    """heads: roots, checks and indexes are made anew too."""
    hashes = []
    for first, ledger_id, size, records in segments:
        path = os.path.join(folder, "%016x" % first)
        head = b"CHLEDGER" + struct.pack("<II16sQ32s", 1, 0, ledger_id, first, root(hashes))
        if heads:
            head += sha256(b"\0" + head)[:8]
        else:
            with open(path + ".seg", "rb") as f:
                head = f.read(HEAD)
        data, index = head, b""
        for raw in records:
            index += struct.pack("<Q", len(data)) + leaf_hash(raw)
            data += raw
        with open(path + ".seg", "wb") as f:
            f.write(data + bytes(max(0, size - len(data))))
        if heads:
            with open(path + ".idx", "wb") as f:
                f.write(index)
        hashes += [leaf_hash(r) for r in records]
    return hashes


def find(segments, seq):
    for segment in segments:
        at = HEAD
        for i, raw in enumerate(segment[3]):
            if struct.unpack_from("<Q", raw, 8)[0] == seq:
                return segment, i, at
            at += len(raw)
    sys.exit("no record %d" % seq)


def openssl(*args, data=None):
    return subprocess.run(("openssl",) + args, input=data, stdout=subprocess.PIPE, check=True).stdout


def note(ledger_id, hashes, key, kind=b"", more=b""):
    origin = b"chancery/" + ledger_id.hex().encode() + kind
    text = origin + b"\n%d\n" % len(hashes) + base64.b64encode(root(hashes)) + b"\n" + more
    spki = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")
    key_id = sha256(origin + b"\n\xffchancery" + spki)[:4]
    signature = openssl("dgst", "-sha256", "-sign", key, data=text)
    return text + b"\n\xe2\x80\x94 " + origin + b" " + base64.b64encode(key_id + signature) + b"\n"


def packed(data):
    return struct.pack("<H", len(data)) + data


def make(folder, key, count, parts, signed):
    os.makedirs(folder)
    if not os.path.exists(key):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    spki = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")
    ledger_id = sha256(spki)[:16]
    start = ledger_id + struct.pack("<I", 0) + packed(b"forge") + packed(b"main") + packed(b"") + b"\1" + packed(spki)
    # Batches of three: the first, none, the last.
    records = [record(1, 3, 0, 1790000000000, start)]
    for seq in range(1, count):
        inside = (seq - 1) % 3
        last = inside == 2 or seq == count - 1
        body = bytes(16) + sha256(b"%d" % seq) + b"\5" + packed(b'{"op":"forged","n":%d}' % seq)
        records.append(record(8, (2 if inside == 0 else 0) | (1 if last else 0), seq, 1790000000000 + seq * 1000, body))
    each, segments, at = -(-count // parts // 3) * 3, [], 0
    while at < count:
        end = min(count, at + each + (1 if at == 0 else 0))
        segments.append([at, ledger_id, 4 * PAGE, records[at:end]])
        at = end
    hashes = segments_write(folder, segments)
    with open(os.path.join(folder, "checkpoint"), "wb") as f:
        f.write(note(ledger_id, hashes[:signed], key))


def bent(raw):
    """Another bit at the end of its body; the lengths in it still fit."""
    return raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:]


def tree(hashes):
    """The roots of the full subtrees from the right, smallest first."""
    out, end = struct.pack("<Q", len(hashes)), len(hashes)
    for level in range(64):
        if len(hashes) >> level & 1:
            out += root(hashes[end - (1 << level):end])
            end -= 1 << level
    return out


def snapshot(folder, segments, key, size):
    hashes = [leaf_hash(r) for s in segments for r in s[3]]
    first = max(s[0] for s in segments if s[0] < size)
    content = b"CHSNAPST" + struct.pack("<II", 1, 1) + segments[0][1] + struct.pack("<Q", 1790000000000)
    content += tree(hashes[:size]) + tree(hashes[:first]) + struct.pack("<I", 5) + b"state"
    hashed = base64.b64encode(sha256(content)) + b"\n"
    with open(os.path.join(folder, "%016x.snap" % size), "wb") as f:
        f.write(content + note(segments[0][1], hashes[:size], key, b"/snapshot", hashed))


def archive(folder, first, to):
    path = os.path.join(folder, "%016x" % first)
    os.makedirs(to, exist_ok=True)
    with open(path + ".arc", "w") as f:
        f.write(to + "\n")
    os.rename(path + ".seg", os.path.join(to, os.path.basename(path) + ".seg"))


def main(word, folder, *rest):
    if word == "make":
        return make(folder, rest[0], *map(int, rest[1:]))
    segments = segments_read(folder)
    if word == "sign":
        hashes = [leaf_hash(r) for s in segments for r in s[3]]
        return sys.stdout.buffer.write(note(segments[0][1], hashes[:int(rest[1])], rest[0]))
    if word == "head":
        hashes = [leaf_hash(r) for s in segments for r in s[3]][:int(rest[0])]
        with open(os.path.join(folder, "head"), "w") as f:
            f.write("%020d %s\n" % (len(hashes), root(hashes).hex()))
        return
    if word == "snapshot":
        return snapshot(folder, segments, rest[0], int(rest[1]))
    if word == "append":
        records = segments[-1][3]
        seq, time = struct.unpack_from("<Qq", records[-1], 8)
        records.append(record(int(rest[0]), 3, seq + 1, time, b"of a version to come"))
        return segments_write(folder, segments, heads=False)
    if word == "archive":
        return archive(folder, int(rest[0]), rest[1])
    segment, i, at = find(segments, int(rest[0]))
    records = segment[3]
    if word == "where":
        return print("%016x.seg %d" % (segment[0], at))
    if word == "flip":
        records[i] = bent(records[i])
    elif word == "swap":
        records[i:i + 2] = [records[i + 1], records[i]]
    elif word == "remove":
        del records[i]
    elif word == "reseal":
        records[i] = sealed(bent(records[i])[:-8])
    elif word == "rewrite":
        records[i] = sealed(bent(records[i])[:-8])
        return segments_write(folder, segments)
    elif word == "tear":
        records[i:] = [b"\0\0\0\1\7"]
    segments_write(folder, segments, heads=False)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])

#!/usr/bin/env python3
"""Clients that insist, and what must hold afterwards.

  load.py run SOCKET DIR CLIENTS SEED   asks until DIR/enough is there, each with keys of its own, and repeats
                                        a request with its key until it has an answer; DIR/count: answers so far
  load.py again SOCKET DIR [MOST]       asks once more for what was answered: the same bytes must come
  load.py check DIR DATABASE LEDGER WITNESS   a line for each promise: its sentence, a tab, what breaks it

DIR holds plan.json: {"leaf": request, "leaves": path, "cas": path, "parent": id}. A leaf's ttl_seconds is of its
key alone, so the ledger says which key a certificate is for.
"""
import hashlib, http.client, json, os, random, re, socket, sqlite3, struct, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import base64
import ledger_check
from datetime import datetime, timezone

FIRST_TTL = 100000
NEVER_LATER = 600  # seconds that a client waits at most for one answer


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client(threading.Thread):
    def __init__(self, number, path, folder, plan, seed):
        super().__init__(daemon=True)
        self.number, self.socket, self.plan = number, path, plan
        self.enough = os.path.join(folder, "enough")
        self.out = open(os.path.join(folder, "client-%d.jsonl" % number), "a")
        self.random = random.Random("%s %d" % (seed, number))
        self.connection, self.asked, self.answers, self.errors = None, 0, 0, {}
        self.cas = []  # [id, state]

    def once(self, path, body, key, timeout):
        """Status and body; None if there was no answer."""
        try:
            if not self.connection:
                self.connection = Connection(self.socket, timeout)
            self.connection.timeout = timeout
            if self.connection.sock:
                self.connection.sock.settimeout(timeout)
            self.connection.request("POST", path, body, {"Content-Type": "application/json", "Idempotency-Key": key})
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            if self.connection:
                self.connection.close()
            self.connection = None
            return None

    def count(self, what):
        self.errors[what] = self.errors.get(what, 0) + 1

    def insist(self, path, body, key):
        end = time.monotonic() + NEVER_LATER
        while time.monotonic() < end:
            hasty = self.random.random() < 0.05  # gives up early and asks again while the first is being worked on
            got = self.once(path, body, key, self.random.uniform(0.001, 0.1) if hasty else 60)
            if got is None:
                self.count("hasty" if hasty else "none")
            else:
                code = json.loads(got[1]).get("error", {}).get("code") if got[0] >= 400 else None
                if got[0] not in (429, 503) and code != "request_running":
                    return got
                self.count("%d %s" % (got[0], code))
            if os.path.exists(self.enough + "-now"):
                return None
            time.sleep(0.02 if hasty else self.random.uniform(0.02, 0.1))
        return None

    def do(self, op, path, request, **more):
        self.asked += 1
        key, body = "k-%d-%d" % (self.number, self.asked), json.dumps(request)
        got = self.insist(path, body, key)
        line = {"op": op, "key": key, "path": path, "request": body, "status": got[0] if got else 0,
                "body": got[1].decode() if got else None}
        line.update(more)
        self.out.write(json.dumps(line) + "\n")
        self.out.flush()
        self.answers += 1
        return json.loads(got[1]) if got and got[0] < 300 else None

    def leaf(self):
        ttl = FIRST_TTL + self.number * 100000 + self.asked
        self.do("leaf", self.plan["leaves"], dict(self.plan["leaf"], ttl_seconds=ttl), ttl=ttl)

    def create(self):
        name = "ca-%d-%d" % (self.number, self.asked)
        made = self.do("ca", self.plan["cas"], {"name": name, "subject": {"common_name": "Load " + name},
                       "algorithm": self.plan["algorithm"], "path_len_constraint": 0, "parent_ca_id": self.plan["parent"]}, name=name)
        if made:
            self.cas.append([made["id"], "active"])

    def retire(self):
        ca = self.random.choice(self.cas)
        last = ca[1] == "retiring"
        if self.do("retire", "/api/v1/intermediates/%s/retire" % ca[0], {"confirm": last}, ca=ca[0],
                   to="retired" if last else "retiring"):
            ca[1] = "retired" if last else "retiring"
        if ca[1] == "retired":
            self.cas.remove(ca)

    def run(self):
        while not os.path.exists(self.enough):
            dice = self.random.random()
            if dice < 0.03 and self.cas:
                self.retire()
            elif dice < 0.05:
                self.create()
            else:
                self.leaf()
            time.sleep(self.random.uniform(0, 0.04))  # the machine is shared


def plan_of(folder):
    with open(os.path.join(folder, "plan.json")) as f:
        return json.load(f)


def run(path, folder, clients, seed):
    all_of_them = [Client(n, path, folder, plan_of(folder), seed) for n in range(int(clients))]
    for c in all_of_them:
        c.start()
    while any(c.is_alive() for c in all_of_them):
        with open(os.path.join(folder, "count.new"), "w") as f:
            f.write("%d\n" % sum(c.answers for c in all_of_them))
        os.replace(os.path.join(folder, "count.new"), os.path.join(folder, "count"))
        time.sleep(0.05)
    errors = {}
    for c in all_of_them:
        for what, n in c.errors.items():
            errors[what] = errors.get(what, 0) + n
    print("# %d answers; asked again after: %s" % (sum(c.answers for c in all_of_them),
          ", ".join("%s x %d" % e for e in sorted(errors.items())) or "nothing"))


def lines(folder):
    for name in sorted(os.listdir(folder)):
        if name.startswith("client-"):
            with open(os.path.join(folder, name)) as f:
                yield from (json.loads(l) for l in f)


def again(path, folder, most=0):
    client = Client(9999, path, folder, None, 0)
    client.random = random.Random(0)
    client.random.random = lambda: 1
    done = [l for l in lines(folder) if l["status"] < 300 and l["status"]]
    random.Random(1).shuffle(done)
    different = []
    for l in done[:int(most) or len(done)]:
        got = client.insist(l["path"], l["request"], l["key"])
        if not got or got[0] != l["status"] or got[1].decode() != l["body"]:
            different.append("%s %s: %s" % (l["op"], l["key"], got and (got[0], got[1][:300])))
    print("\n".join(different[:10]))


def tlv(der, at):
    """Tag, contents' begin and end of the element at a place of DER."""
    n, begin = der[at + 1], at + 2
    if n & 0x80:
        begin += n & 0x7f
        n = int.from_bytes(der[at + 2:begin], "big")
    return der[at], begin, begin + n


def moment(der, at):
    tag, begin, end = tlv(der, at)
    form = "%y%m%d%H%M%SZ" if tag == 0x17 else "%Y%m%d%H%M%SZ"
    return datetime.strptime(der[begin:end].decode(), form).replace(tzinfo=timezone.utc).timestamp(), end


def tbs_read(tbs):
    """Serial and lifetime in seconds."""
    at = tlv(tbs, 0)[1]
    if tbs[at] == 0xa0:
        at = tlv(tbs, at)[2]
    _, begin, at = tlv(tbs, at)
    serial = tbs[begin:at].hex()
    at = tlv(tbs, tlv(tbs, at)[2])[2]  # the algorithm, the issuer
    first, second = moment(tbs, tlv(tbs, at)[1])
    return serial, int(moment(tbs, second)[0] - first) + 1


class Ledger:
    def __init__(self, folder):
        self.intents, self.results, self.lost, self.keys, self.closed, self.allowed = {}, {}, set(), {}, set(), set()
        self.state = None
        self.roots = []
        self.state = ledger_check.read(folder, self.take)
        origin = "chancery/" + self.state["id"].hex()
        for size, root in enumerate(self.roots, 1):
            text = "%s\n%d\n%s\n" % (origin, size, base64.b64encode(root).decode())
            self.allowed.add(hashlib.sha256(text.encode()).hexdigest())

    def take(self, kind, seq, body, root):
        self.roots.append(root)
        if kind == 4:
            n = struct.unpack_from("<I", body, 81)[0]
            tbs = body[85:85 + n]
            context = json.loads(body[85 + n + 2:] or b"{}")
            serial, ttl = tbs_read(tbs)
            self.intents[seq] = {"serial": serial, "ttl": ttl, "kind": body[64], "context": context, "tbs": tbs,
                                 "root": body[48:64] == body[65:81]}
            self.allowed.add(hashlib.sha256(tbs).hexdigest())
        elif kind == 5:
            self.results[struct.unpack_from("<Q", body)[0]] = seq
        elif kind == 6:
            self.lost.add(struct.unpack_from("<Q", body)[0])
        elif kind == 3:
            self.keys[body[8:24].hex()] = seq
        elif kind == 9:
            self.closed.add(body[48:64].hex())


def tell(promise, broken):
    print("%s\t%s" % (promise, "; ".join(str(b) for b in list(broken)[:5])))


def check_leaves(got, ledger, certificates):
    leaves = [dict(l, **json.loads(l["body"])) for l in got if l["op"] == "leaf" and l["status"] == 201]
    signed = {s: ledger.intents[s] for s in ledger.results if s in ledger.intents}
    by_ttl = {}
    for seq, i in signed.items():
        if i["kind"] == 1:
            by_ttl.setdefault(i["ttl"], []).append(seq)
    twice, once = set(), set()
    for i in signed.values():
        (twice if i["serial"] in once else once).add(i["serial"])
    tell("no serial twice", twice)
    tell("every request got its answer", ("%s %s %s" % (l["key"], l["status"], l["body"]) for l in got if not 200 <= l["status"] < 300))
    tell("one signature for each key of a leaf", ("%s %s" % (l["key"], by_ttl.get(l["ttl"])) for l in leaves
         if by_ttl.get(l["ttl"], []) != [l["ledger_seq"]]))
    wanted = {l["ttl"] for l in got if l["op"] == "leaf"}
    tell("and no leaf that nobody asked for", (t for t in by_ttl if t >= FIRST_TTL and t not in wanted and t < 10 ** 7))
    known = {c["fingerprint"]: c for c in certificates}
    tell("every certificate that a client received is in the database, and good", (l["key"] for l in leaves
         if known.get(l["fingerprint"], {}).get("state") != "active" or known[l["fingerprint"]]["serial"] != l["serial"]))
    pems = {l["fingerprint"]: base64.b64decode("".join(l["certificate_pem"].split("\n")[1:-2])) for l in leaves}
    tell("and on the ledger, to the byte", (l["key"] for l in leaves
         if ledger.intents[l["ledger_seq"]]["tbs"] not in pems[l["fingerprint"]] or
         hashlib.sha256(pems[l["fingerprint"]]).hexdigest() != l["fingerprint"]))
    return signed


def check_cas(got, ledger, signed, db):
    made = [dict(l, id=json.loads(l["body"])["id"]) for l in got if l["op"] == "ca" and l["status"] == 201]
    by_name = {}
    for seq, i in signed.items():
        if i["kind"] == 2:
            by_name.setdefault(i["context"].get("name"), []).append(seq)
    tell("one CA for each key of a create", (l["key"] for l in made if len(by_name.get(l["name"], [])) != 1))
    rows = {r[0]: r for r in db.execute("SELECT id, name, state, lower(hex(key_id)) FROM ca")}
    tell("it is the one that the client was told of", (l["key"] for l in made if rows.get(l["id"], [0, 0])[1] != l["name"]))
    tell("no reservation is left", (r[1] for r in rows.values() if r[2] == "created"))
    keys = dict(db.execute("SELECT lower(hex(key_id)), ca_id FROM key"))
    tell("the database knows every key that was made, and no other", set(keys) ^ set(ledger.keys))
    tell("a key belongs to a CA that has it, or to none", (k for k, ca in keys.items() if ca and rows.get(ca, [0] * 4)[3] != k))
    last = {}
    for l in got:
        if l["op"] == "retire" and l["status"] == 200:
            last[l["ca"]] = l["to"]
    tell("every CA is in the state that its client was told", (c for c, to in last.items() if rows[c][2] != to))
    tell("a CA that left active is closed on the ledger", (c for c in rows if rows[c][2] in ("retiring", "retired")
         and rows[c][3] not in ledger.closed))


DIGEST_INFO = "3031300d060960864801650304020105000420"


def challenges(logs):
    """Digests of the words by which keys proved themselves to their driver and to the signer; no DER begins like them."""
    digests = set()
    for log in logs:
        with open(log, errors="replace") as f:
            words = [bytes.fromhex(m) for m in re.findall(r" key_challenge message=([0-9a-f]+)$", f.read(), re.M)]
        digests |= {hashlib.sha256(w).hexdigest() for w in words if w.startswith(b"chancery: this key ")}
    return digests


def check_witness(witness, allowed):
    seen, unnamed = set(), []
    with open(witness) as f:
        for line in f:
            data = line.split()[-1]
            data = data[len(DIGEST_INFO):] if data.startswith(DIGEST_INFO) else data  # an RSA key's
            if data not in allowed:
                unnamed.append(line.strip())
            seen.add(data)
    return seen, unnamed


def check(folder, database, ledger_folder, witness, *logs):
    got, ledger = list(lines(folder)), Ledger(ledger_folder)
    db = sqlite3.connect("file:%s?mode=ro" % database, uri=True)
    certificates = [dict(zip(("fingerprint", "serial", "state", "seq"), r)) for r in db.execute(
        "SELECT lower(hex(fingerprint)), lower(hex(serial)), state, ledger_seq FROM certificate")]
    signed = check_leaves(got, ledger, certificates)
    tell("every intent has a result or is lost, one of both", (s for s in ledger.intents if (s in ledger.results) == (s in ledger.lost)))
    tell("database and ledger name the same certificates", {(c["seq"], c["serial"]) for c in certificates if c["state"] != "lost"} ^
         {(s, i["serial"]) for s, i in signed.items()})
    tell("and the same lost ones", {(c["seq"], c["serial"]) for c in certificates if c["state"] == "lost"} ^
         {(s, i["serial"]) for s, i in ledger.intents.items() if s in ledger.lost and not i["root"]})
    check_cas(got, ledger, signed, db)
    proofs = challenges(logs)
    seen, unnamed = check_witness(witness, ledger.allowed | proofs)
    tell("the token signed nothing that the ledger does not name", unnamed)
    tell("what is on the ledger, the token has signed", (s for s, i in signed.items() if hashlib.sha256(i["tbs"]).hexdigest() not in seen))
    print("#%d certificates received, %d signatures, %d lost, %d CAs, %d records, %d digests at the token, %d of them challenges" % (
        sum(l["op"] == "leaf" for l in got), len(signed), len(ledger.lost), db.execute("SELECT count(*) FROM ca").fetchone()[0],
        ledger.state["size"], len(seen), len(seen & proofs)))


if __name__ == "__main__":
    {"run": run, "again": again, "check": check}[sys.argv[1]](*sys.argv[2:])

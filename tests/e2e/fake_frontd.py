#!/usr/bin/env python3
"""A front-end that says what a test wants it to: fake_frontd.py SOCKET ANSWERS LOG

ANSWERS is a JSON file, read anew for each request: {"GET /api/v1/x": ANSWER | [ANSWER, ...]}.
An ANSWER is {"status", "json" | "text" | "raw", "headers"} or {"drop": true}; of a list each is
used once, the last one for ever. Every request becomes one JSON line in LOG.
"""
import http.server
import json
import os
import socketserver
import sys

socket_path, answers_path, log_path = sys.argv[1:4]
used = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def pick(self):
        with open(answers_path) as f:
            answers = json.load(f)
        name = self.command + " " + self.path
        found = answers.get(name)
        if isinstance(found, list):
            at = used.get(name, 0)
            used[name] = at + 1
            found = found[min(at, len(found) - 1)]
        return found or {"status": 404, "json": {"error": {"code": "not_found", "message": "no " + name}}}

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        with open(log_path, "a") as f:
            f.write(json.dumps({"request": self.command + " " + self.path, "body": json.loads(body) if body else None,
                                "key": self.headers.get("Idempotency-Key")}) + "\n")
        a = self.pick()
        self.close_connection = True
        if a.get("drop"):
            return
        if "raw" in a:
            self.wfile.write(a["raw"].encode("latin-1"))
            return
        out = a["text"].encode("latin-1") if "text" in a else json.dumps(a.get("json", {})).encode()
        self.send_response(a.get("status", 200))
        for name, value in a.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    do_GET = do_POST = do_PATCH = answer


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


server = Server(socket_path, Handler)
print("ready", flush=True)
server.serve_forever()

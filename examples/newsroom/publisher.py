#!/usr/bin/env python3
"""The newspaper's server, as small as it can be: POST /articles keeps an article, once for each Idempotency-Key; GET /articles lists them."""

import http.server
import json
import sys

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
articles = {}  # by key


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(200, list(articles.values()))

    def do_POST(self):
        article = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        key = self.headers.get("idempotency-key", "")
        known = articles.get(key)
        if not known:
            known = articles[key] = article | {"address": f"http://127.0.0.1:{PORT}/articles/{len(articles) + 1}"}
        self.answer(201, known)

    def log_message(self, form, *words):
        print("publisher:", form % words, file=sys.stderr, flush=True)


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()

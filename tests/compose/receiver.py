"""The webhook receiver in tests/compose.sh: prints a line for each event, and whether its signature is valid.

usage: receiver.py ADDRESS PORT SECRET_FILE

Listens on ADDRESS, which host.docker.internal resolves to in containers, or on the loopback address if the host does not
have ADDRESS (Docker Desktop). The secret is read for each event, because the webhook is created later.
"""

import base64
import errno
import hashlib
import hmac
import http.server
import json
import pathlib
import sys


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        secret = pathlib.Path(sys.argv[3]).read_text().strip().removeprefix("whsec_")
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        digest = hmac.digest(base64.b64decode(secret), signed, hashlib.sha256)
        expected = "v1," + base64.b64encode(digest).decode()
        valid = hmac.compare_digest(self.headers["webhook-signature"], expected)
        event = json.loads(body)
        print("valid" if valid else "invalid", event["type"], event["subject"], flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def listen(address):
    return http.server.ThreadingHTTPServer((address, int(sys.argv[2])), Receiver)


try:
    server = listen(sys.argv[1])
except OSError as error:
    if error.errno != errno.EADDRNOTAVAIL:
        raise
    server = listen("127.0.0.1")
print("listens on", *server.server_address, flush=True)
server.serve_forever()

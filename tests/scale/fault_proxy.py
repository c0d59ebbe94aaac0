"""An HTTP proxy in front of an S3 store that fails as stores and networks do.

Faults are drawn from a seed: an error before anything is done (500, 503, and 409 for a conditional put, as S3 answers while another is under way), an
answer that never comes though all is done, a connection cut before or in the middle of an answer, and slowness. Standard library only.
"""

import collections
import http.client
import http.server
import random
import socket
import threading
import time

ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>a fault</Message></Error>'
FAULTS = ["500", "503", "409", "lost answer", "cut before", "cut within", "slow"]


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that was killed reads no answer."""


class FaultProxy:
    """Listens on a port of its own; `share` of all requests fail."""

    def __init__(self, port: int, share: float, seed: int) -> None:
        self.target, self.share = port, share
        self.random, self.lock = random.Random(seed), threading.Lock()
        self.counts: collections.Counter[str] = collections.Counter()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_all(self) -> None:
                proxy.answer(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_all

            def log_message(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def draw(self, conditional: bool) -> str | None:
        with self.lock:
            if self.random.random() >= self.share:
                return None
            fault = self.random.choice(FAULTS)
            if fault == "409" and not conditional:
                fault = "500"
            self.counts[fault] += 1
            return fault

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        fault = self.draw("If-None-Match" in request.headers)
        if fault in ("500", "503", "409"):
            code = {"500": "InternalError", "503": "SlowDown", "409": "ConditionalRequestConflict"}[fault]
            return self.send(request, int(fault), {"Content-Type": "application/xml"}, ERROR.format(code).encode())
        if fault == "cut before":
            return self.cut(request)
        if fault == "slow":
            time.sleep(self.random.uniform(0.2, 1.0))
        connection = http.client.HTTPConnection("127.0.0.1", self.target, timeout=60)
        connection.request(request.command, request.path, body, dict(request.headers))
        answer = connection.getresponse()
        headers, content = dict(answer.getheaders()), answer.read()
        connection.close()
        if fault == "lost answer":
            return self.cut(request)
        cut = len(content) // 2 if fault == "cut within" else None
        self.send(request, answer.status, headers, content, cut)

    def send(
        self,
        request: http.server.BaseHTTPRequestHandler,
        status: int,
        headers: dict[str, str],
        content: bytes,
        cut: int | None = None,
    ) -> None:
        request.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                request.send_header(name, value)
        # Of a HEAD the length is what a GET would give.
        length = headers.get("Content-Length", "0") if request.command == "HEAD" else str(len(content))
        if status != 204:
            request.send_header("Content-Length", length)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content[:cut])
        if cut is not None:
            self.cut(request)

    @staticmethod
    def cut(request: http.server.BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        try:
            request.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

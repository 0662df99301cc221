"""A stamping provider on this machine: speaks HTTP, stamps, cancels, is away, refuses."""

import json
import re
import threading
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import NAMESPACE_URL, uuid5

TIMBRE = (
    "<cfdi:Complemento><tfd:TimbreFiscalDigital"
    ' xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" Version="1.1" UUID="{uuid}"/>'
)


class Pac:
    """What it did, and how it answers: ``mode`` is ok, away, refuse, lost, garbage or slow."""

    def __init__(self):
        self.mode = "ok"
        self.stamped = {}
        self.cancelled = []
        self.calls = []

    def stamp(self, xml):
        """The same document gets the same UUID, and is told apart as stamped before."""
        again = xml in self.stamped
        uuid = str(uuid5(NAMESPACE_URL, xml.decode()))
        self.stamped[xml] = uuid
        text = xml.decode()
        timbre = TIMBRE.format(uuid=uuid)
        if "<cfdi:Complemento>" in text:
            text = text.replace("<cfdi:Complemento>", timbre)
        else:
            end = "</cfdi:Comprobante>"
            text = text.replace(end, f"{timbre}</cfdi:Complemento>{end}")
        return again, {"uuid": uuid, "cfdi": text}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        pac = self.server.pac
        pac.calls.append((self.path, self.headers.get("Authorization")))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if pac.mode == "away":
            return self.answer(503, {"status": "error"})
        if pac.mode == "garbage":
            return self.answer(200, "<html>maintenance</html>")
        if pac.mode == "refuse":
            return self.answer(400, {"status": "error", "message": "CFDI40147",
                                     "messageDetail": "the postal code is not his"})  # fmt: skip
        if self.path.startswith("/cfdi33/cancel/"):
            pac.cancelled.append(self.path.removeprefix("/cfdi33/cancel/").split("/"))
            return self.answer(200, {"status": "success", "data": {"acuse": ""}})
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        [part] = BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
        xml = part.get_payload(decode=True)
        assert re.search(rb'Sello="[^"]{300,}"', xml)
        again, data = pac.stamp(xml)
        if pac.mode == "lost":
            self.close_connection = True
            return self.connection.close()
        if again:
            return self.answer(
                400, {"status": "error", "message": "307. Stamped before", "data": data}
            )
        return self.answer(200, {"status": "success", "data": data})

    def answer(self, status, body):
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_):
        pass


@contextmanager
def provider():
    """The provider and its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.pac = Pac()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.pac, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

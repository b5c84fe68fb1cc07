"""A real HTTP server on the loopback that answers as a plug does."""

import json
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

GEN2 = {"/rpc/Switch.GetStatus?id=0": {"apower": 61.5, "aenergy": {"total": 1234.567}}}
PM1 = {"/rpc/PM1.GetStatus?id=0": {"apower": 61.5, "aenergy": {"total": 1234.567}}}
GEN1 = {"/status": {"meters": [{"power": 61.5, "is_valid": True, "total": 74074}]}}
TASMOTA = {
    "/cm?cmnd=Status%208": {"StatusSNS": {"ENERGY": {"Power": 61, "Total": 1.234, "Voltage": 230}}}
}


class FakePlug:
    """What the server answers: by path a JSON value, or (status, headers, body)."""

    def __init__(self, answers):
        self.answers = dict(answers)
        self.paths = []
        self.delay_s = 0.0
        self.url = ""

    def answer(self, path):
        self.paths.append(path)
        if self.delay_s:
            time.sleep(self.delay_s)
        found = self.answers.get(path, (404, {}, b"Not Found"))
        if isinstance(found, tuple):
            return found
        return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()


@contextmanager
def plug_server(answers):
    plug = FakePlug(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # One packet an answer; else delayed acknowledgements cost 40 ms each.

        def do_GET(self):
            status, headers, body = plug.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            with suppress(ConnectionError):  # The client may have given up.
                self.wfile.flush()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    plug.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield plug
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

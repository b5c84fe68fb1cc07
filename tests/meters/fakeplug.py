"""A real HTTP server on the loopback that answers as a plug does."""

import base64
import hashlib
import json
import re
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


def switch(power_w, total_wh=1000.0):
    return {"apower": power_w, "aenergy": {"total": total_wh}}


GEN2_TWO = {
    "/rpc/Switch.GetStatus?id=0": switch(0.0, 10.0),
    "/rpc/Switch.GetStatus?id=1": switch(61.5, 1000.0),
}
EM1 = {
    **{
        f"/rpc/EM1.GetStatus?id={n}": {"id": n, "act_power": w} for n, w in enumerate((300.0, 61.5))
    },
    **{
        f"/rpc/EM1Data.GetStatus?id={n}": {"total_act_energy": wh}
        for n, wh in enumerate((9.0, 5.0))
    },
}
PRO_3EM = {
    "/rpc/EM.GetStatus?id=0": {
        "a_act_power": 300.0, "b_act_power": 61.5, "c_act_power": 0.5, "total_act_power": 362.0,
    },
    "/rpc/EMData.GetStatus?id=0": {
        "a_total_act_energy": 9.0, "b_total_act_energy": 5.0, "c_total_act_energy": 1.0,
        "total_act": 15.0,
    },
}  # fmt: skip
GEN1_TWO = {
    "/status": {
        "meters": [
            {"power": 0.0, "is_valid": True, "total": 60},
            {"power": 61.5, "is_valid": True, "total": 600},
        ]
    }
}
GEN1_EM = {
    "/status": {
        "meters": [{"power": 0.0, "is_valid": True}],
        "emeters": [
            {"power": 12.0, "is_valid": True, "total": 7.0},
            {"power": 61.5, "is_valid": True, "total": 5.0},
        ],
    }
}
TASMOTA_TWO = {
    "/cm?cmnd=Status%208": {
        "StatusSNS": {"ENERGY": {"Power": [0, 61], "Total": [0.1, 1.234], "Voltage": 230}}
    }
}


def hass(state, unit="W", token="s3cret-token"):
    """A sensor of Home Assistant that wants a token."""

    def answer(path, headers):
        if headers.get("Authorization") != f"Bearer {token}":
            return 401, {}, b"401: Unauthorized"
        body = {
            "entity_id": "sensor.pc",
            "state": state,
            "attributes": {"unit_of_measurement": unit},
        }
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    return {"/api/states/sensor.pc": answer}


def locked_by_digest(answers, password="s3cret", algorithm="SHA-256"):
    """The same answers behind HTTP Digest, as Shelly Gen2 and later ask for it (RFC 7616)."""
    digest = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}[algorithm]

    def h(text):
        return digest(text.encode()).hexdigest()

    def guarded(found):
        def answer(path, headers):
            told = dict(re.findall(r'(\w+)="?([^",]+)"?', headers.get("Authorization", "")))
            keys = h(f"admin:shelly:{password}"), h(f"GET:{told.get('uri', '')}")
            parts = [told.get(name, "") for name in ("nonce", "nc", "cnonce", "qop")]
            if told.get("response") != h(":".join([keys[0], *parts, keys[1]])):
                challenge = (
                    f'Digest qop="auth", realm="shelly", nonce="60dc59c6", algorithm={algorithm}'
                )
                return 401, {"WWW-Authenticate": challenge}, b""
            return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()

        return answer

    return {path: guarded(found) for path, found in answers.items()}


def locked_by_basic(answers, password="s3cret"):
    """The same answers behind HTTP Basic, as Shelly Gen1 asks for it."""
    wanted = "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()

    def guarded(found):
        def answer(path, headers):
            if headers.get("Authorization") != wanted:
                return 401, {"WWW-Authenticate": 'Basic realm="shelly"'}, b"401 Unauthorized"
            return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()

        return answer

    return {path: guarded(found) for path, found in answers.items()}


def locked_tasmota(answers, password="s3cret"):
    """The same answers for whoever writes user and password into the query."""
    ((path, found),) = answers.items()
    warning = {"WARNING": "Need user=<username>&password=<password>"}
    return {path: warning, f"{path}&user=admin&password={password}": found}


class FakePlug:
    """What the server answers: by path a JSON value, or (status, headers, body)."""

    def __init__(self, answers):
        self.answers = dict(answers)
        self.paths = []
        self.delay_s = 0.0
        self.url = ""

    def answer(self, path, headers=None):
        self.paths.append(path)
        if self.delay_s:
            time.sleep(self.delay_s)
        plain = path.partition("&user=")[0]  # what a wrong login gets
        found = self.answers.get(path, self.answers.get(plain, (404, {}, b"Not Found")))
        if callable(found):
            found = found(path, headers or {})
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
            status, headers, body = plug.answer(self.path, self.headers)
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

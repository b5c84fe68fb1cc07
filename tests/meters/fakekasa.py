"""A TP-Link plug on the loopback that speaks the first protocol of Kasa plugs, over UDP and TCP."""

import json
import socketserver
import struct
import threading
from contextlib import contextmanager

KEY = 171


def encrypted(text):
    found, key = bytearray(), KEY
    for byte in text.encode():
        key ^= byte
        found.append(key)
    return bytes(found)


def decrypted(data):
    found, key = bytearray(), KEY
    for byte in data:
        found.append(key ^ byte)
        key = byte
    return found.decode()


class FakeKasa:
    """What the plug says: one outlet, or a strip of several with a meter each."""

    def __init__(self, powers_w, *, meters=True):
        self.powers_w = list(powers_w)
        self.meters = meters
        self.port = 0
        self.is_gone = False

    @property
    def is_strip(self):
        return len(self.powers_w) > 1

    def sysinfo(self):
        info = {
            "sw_ver": "1.2.5 Build 171129", "hw_ver": "1.0", "type": "IOT.SMARTPLUGSWITCH",
            "model": "HS300(US)" if self.is_strip else "HS110(EU)", "mac": "50:C7:BF:00:00:01",
            "deviceId": "D" * 40, "hwId": "H" * 32, "oemId": "O" * 32, "alias": "desk", "rssi": -40,
            "feature": "TIM:ENE" if self.meters else "TIM", "relay_state": 1, "on_time": 10,
            "err_code": 0, "updating": 0, "led_off": 0, "latitude": 0, "longitude": 0,
            "dev_name": "Wi-Fi Smart Plug", "icon_hash": "", "active_mode": "schedule",
        }  # fmt: skip
        if self.is_strip:
            info["children"] = [
                {
                    "id": f"{n:02}",
                    "alias": f"o{n}",
                    "state": 1,
                    "on_time": 1,
                    "next_action": {"type": -1},
                }
                for n in range(len(self.powers_w))
            ]
            info["child_num"] = len(self.powers_w)
        return info

    def answer(self, asked):
        children = asked.get("context", {}).get("child_ids", [])
        outlet = int(children[0][-2:]) if children else 0
        told = {}
        for module, calls in asked.items():
            if module == "context":
                continue
            told[module] = {call: self.one(module, call, outlet) for call in calls}
        return told

    def one(self, module, call, outlet):
        if (module, call) == ("system", "get_sysinfo"):
            return self.sysinfo()
        if module == "time" and call == "get_time":
            now = {"year": 2025, "month": 12, "mday": 8, "hour": 1, "min": 5, "sec": 35}
            return {**now, "err_code": 0}
        if module == "time" and call == "get_timezone":
            return {"index": 38, "err_code": 0}
        if module == "emeter" and call == "get_realtime" and self.meters:
            power_w = self.powers_w[outlet]
            return {
                "voltage_mv": 230000, "current_ma": 100, "power_mw": int(1000 * power_w),
                "total_wh": 1234 + outlet, "err_code": 0,
            }  # fmt: skip
        return {"err_code": -1, "err_msg": "module not support"}


@contextmanager
def kasa_server(powers_w, *, meters=True):
    plug = FakeKasa(powers_w, meters=meters)

    class Udp(socketserver.BaseRequestHandler):
        def handle(self):
            data, sock = self.request
            asked = json.loads(decrypted(data))
            sock.sendto(encrypted(json.dumps(plug.answer(asked))), self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self):
            while head := self.rfile.read(4):
                if plug.is_gone:
                    return
                (length,) = struct.unpack(">I", head)
                asked = json.loads(decrypted(self.rfile.read(length)))
                body = encrypted(json.dumps(plug.answer(asked)))
                self.wfile.write(struct.pack(">I", len(body)) + body)
                self.wfile.flush()

    tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tcp)
    tcp.daemon_threads = True
    plug.port = tcp.server_address[1]
    udp = socketserver.ThreadingUDPServer(("127.0.0.1", plug.port), Udp)
    threads = [
        threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        for each in (tcp, udp)
    ]
    for thread in threads:
        thread.start()
    try:
        yield plug
    finally:
        plug.is_gone = True
        for each in (tcp, udp):
            each.shutdown()
            each.server_close()
        for thread in threads:
            thread.join()

"""Two scenes with a verdict; ops/bench --scene NAME builds what they need.

crowd   15,000 members in two client processes; one process is killed, then the other. The node's
        figures must come back to the truth, and its descriptors and memory to where they were.
frozen  a busy room with members that stop reading. They must be closed at the queue's limit, and
        the others' median latency must not change.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request

import bench


def metrics(admin):
    """The node's metrics: name with labels -> value."""
    with urllib.request.urlopen(f"http://{admin}/metrics", timeout=10) as response:
        text = response.read().decode()
    values = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            values[name] = float(value)
    return values


def wait_for(what, check, seconds):
    """Asks until the check holds; returns how long that took, or fails."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if check():
            return time.monotonic() - start
        time.sleep(0.05)
    sys.exit(f"after {seconds} s still not: {what}")


@contextlib.contextmanager
def node(folder, roost, limits=None):
    """A node with one shard on the servers' CPU: its process, public port and admin address."""
    configuration = json.loads(json.dumps(bench.CONFIGURATION))
    configuration["limits"].update(limits or {})
    configuration["log"] = {"level": "info", "format": "json"}
    path = folder / "scene.json"
    path.write_text(json.dumps(configuration))
    with node_with(path, roost) as running:
        yield running


@contextlib.contextmanager
def node_with(path, roost):
    """As above, with a configuration file."""
    command = ["taskset", "-c", str(bench.SERVER_CPU), str(roost), "serve", "--config", str(path)]
    command += ["--shards", "1", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        ready = json.loads(process.stderr.readline())
        yield process, int(ready["listen"].rsplit(":", 1)[1]), ready["admin"]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def load(folder, port, *options):
    command = ["taskset", "-c", str(bench.LOAD_CPU), str(folder / "wsload"), "--port", str(port)]
    command += ["--path", "/ws", *bench.JOIN, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def private_kilobytes(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"Private_Dirty:\s+(\d+)", text).group(1))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def crowd(folder, roost):
    with node(folder, roost) as (process, port, admin):
        def figures():
            values = metrics(admin)
            names = ("roost_connections", "roost_sockets", "roost_members", "roost_rooms")
            return tuple(int(values[name]) for name in names)

        # Twice: what the first crowd leaves behind would show as growth after the second.
        for turn in (1, 2):
            if turn == 1:
                before = (descriptors(process.pid), private_kilobytes(process.pid))
            options = ["--conns", "7500", "--rooms", "750", "--settle", "600", "--src-ips", "4"]
            first = load(folder, port, *options)
            second = load(folder, port, *options)
            took = wait_for(
                "15,000 members", lambda: figures() == (15000, 15000, 15000, 750), 60)
            peak = (descriptors(process.pid), private_kilobytes(process.pid))
            print(f"turn {turn}: 15,000 members after {took:.1f} s, private {peak[1]} kB")
            first.send_signal(signal.SIGKILL)
            half = wait_for("7,500 members", lambda: figures() == (7500, 7500, 7500, 750), 40)
            second.send_signal(signal.SIGKILL)
            rest = wait_for("nobody", lambda: figures() == (0, 0, 0, 0), 40)
            first.wait(), second.wait()
            same = lambda: descriptors(process.pid) == before[0]
            wait_for("the descriptors of the start", same, 10)
            slack = before[1] + 2048
            back = wait_for(
                f"private memory of the start ({before[1]} kB) and 2 MB at most",
                lambda: private_kilobytes(process.pid) <= slack, 15)
            print(
                f"turn {turn}: half killed, figures true after {half:.2f} s; all killed, true "
                f"after {rest:.2f} s; descriptors {before[0]} -> {peak[0]} -> "
                f"{descriptors(process.pid)}; private memory {before[1]} -> {peak[1]} -> "
                f"{private_kilobytes(process.pid)} kB after {back:.1f} s")
        closes = {k: v for k, v in metrics(admin).items() if "closes_total" in k and v}
        print(f"closes: {closes}")


def member(port, room):
    """A stock member that joins and then never reads again."""
    peer = socket.socket()
    # A small window, so that the node feels it soon.
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.connect(("127.0.0.1", port))
    peer.sendall(
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
    text = json.dumps({"type": "join", "id": 1, "room": room}).encode()
    mask = b"\x01\x02\x03\x04"
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(text))
    peer.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)
    heard = b""
    while b'"ok"' not in heard:
        heard += peer.recv(4096)
    return peer


def close_code(peer):
    """Reads on to the close frame of a connection that was not read for long."""
    peer.settimeout(20)
    data = b""
    while True:
        chunk = peer.recv(1 << 20)
        if not chunk:
            break
        data += chunk
    offset, code, messages = 0, None, 0
    # The first bytes may be in the middle of nothing: the peer stopped at a frame's end.
    while offset + 2 <= len(data):
        size, head = data[offset + 1], 2
        if size == 126:
            size, head = struct.unpack(">H", data[offset + 2:offset + 4])[0], 4
        elif size == 127:
            size, head = struct.unpack(">Q", data[offset + 2:offset + 10])[0], 10
        if data[offset] & 15 == 8:
            code = struct.unpack(">H", data[offset + head:offset + head + 2])[0]
        messages += data[offset] & 15 == 1
        offset += head + size
    return code, messages


def frozen(folder, roost):
    options = ["--conns", "50", "--rooms", "1", "--publishers", "1", "--payload", "4096"]
    options += ["--rate", "400", "--duration", "8", "--warmup", "1", "--settle", "0.2"]
    options += [*bench.PUBLISH]
    medians = {}
    limits = {"outbound_bytes": 1048576}
    for name, count in (("without", 0), ("with", 10), ("without again", 0)):
        with node(folder, roost, limits) as (process, port, admin):
            peers = [member(port, "0") for _ in range(count)]
            result = json.loads(load(folder, port, *options).communicate(timeout=60)[0])
            values = metrics(admin)
            codes = [close_code(peer) for peer in peers]
            closed = int(values['roost_closes_total{code="4005",side="server"}'])
            medians[name] = result["lat_us"]["p50"]
            print(
                f"{name} frozen members: median {result['lat_us']['p50']} us, p99 "
                f"{result['lat_us']['p99']} us; lost {result['lost']}, doubled {result['dup']}, "
                f"out of order {result['ooo']}; slow consumers "
                f"{int(values['roost_slow_consumers_total'])}, closed 4005 {closed}, close codes read "
                f"{sorted({code for code, _ in codes}, key=str)}, messages before the close "
                f"{min((count for _, count in codes), default=0)} and more")
    quiet = max(medians["without"], medians["without again"])
    print(f"median with frozen members / without: {medians['with'] / quiet:.2f}")


def main():
    parser = argparse.ArgumentParser(prog="ops/bench --scene", description=__doc__.splitlines()[0])
    parser.add_argument("scene", choices=["crowd", "frozen"])
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--roost", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    {"crowd": crowd, "frozen": frozen}[arguments.scene](arguments.folder, arguments.roost)


if __name__ == "__main__":
    main()

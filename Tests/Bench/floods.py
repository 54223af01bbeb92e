"""Floods of one address, and what they do to everybody else; ops/bench --floods builds what it needs.

A node with its default limits serves a room of 20 members who hear 50 messages a second. Meanwhile
another address does one of these, as fast as it can:

connects     opens connections and closes them
handshakes   opens connections, sends half a request and waits
tinyframes   sends messages in fragments of one byte
fragments    sends fragments of 64 KiB of a message that never ends
pings        sends pings
joins        joins 10,000 rooms on each connection
silent       joins the busy room, asks questions and never reads

What is compared is the latency of the members' messages with and without the flood, the median over
the rounds; what is watched is the node's memory, and how soon after the flood it holds nothing of it.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

import bench
import scenarios

ATTACKER = "127.0.0.66"
MASK = b"\x01\x02\x03\x04"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
# What the issue of a flood may cost the others: twice the median; three times the 99th percentile,
# or 50 ms where that is more.
MEDIAN_RATIO, TAIL_RATIO, TAIL_MS = 2, 3, 50


def frame(opcode, payload, final=True):
    """One masked frame."""
    if len(payload) < 126:
        size = bytes([0x80 | len(payload)])
    else:
        size = b"\xfe" + struct.pack(">H", len(payload)) if len(payload) < 65536 else (
            b"\xff" + struct.pack(">Q", len(payload)))
    masked = bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))
    return bytes([opcode | (0x80 if final else 0)]) + size + MASK + masked


def connected(port, receive_bytes=None):
    peer = socket.socket()
    peer.settimeout(1)
    if receive_bytes:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    peer.bind((ATTACKER, 0))
    peer.connect(("127.0.0.1", port))
    return peer


def connects(port):
    held = []
    while True:
        try:
            held.append(connected(port))
        except OSError:
            pass
        if len(held) > 500:
            for peer in held:
                peer.close()
            held = []


def handshakes(port):
    held = []
    while True:
        try:
            peer = connected(port)
            peer.sendall(b"GET /ws HTTP/1.1\r\nX-Slow: ")
            held.append(peer)
        except OSError:
            pass
        if len(held) > 2000:
            for peer in held[:500]:
                peer.close()
            held = held[500:]


def upgraded(port, receive_bytes=None):
    peer = connected(port, receive_bytes)
    peer.sendall(UPGRADE)
    answer = peer.recv(4096)
    if b" 101 " not in answer:
        peer.close()
        raise OSError("refused")
    return peer


def pushing(port, data, count=8, reads=True, receive_bytes=None, first=b""):
    """Connections that get as much of the data, again and again, as the node takes."""
    peers = {}
    while True:
        while len(peers) < count:
            try:
                peer = upgraded(port, receive_bytes)
                peer.setblocking(False)
                peers[peer] = (first, 0)
            except OSError:
                time.sleep(0.05)
                break
        if not peers:
            continue
        readable, writable, _ = select.select(peers if reads else [], peers, [], 0.1)
        for peer in {*readable, *writable}:
            try:
                if peer in readable and not peer.recv(1 << 20):
                    raise OSError("ended")
                if peer in writable:
                    pending, place = peers[peer]
                    pending = pending or data
                    place += peer.send(memoryview(pending)[place:place + (1 << 20)])
                    peers[peer] = (b"", 0) if place == len(pending) else (pending, place)
            except BlockingIOError:
                pass
            except OSError:
                peers.pop(peer, None)
                peer.close()


def tinyframes(port):
    middle = frame(0, b" ", final=False)
    pushing(port, frame(1, b"[", final=False) + middle * 50_000 + frame(0, b"]"))


def fragments(port):
    piece = frame(0, b" " * 65_536, final=False)
    pushing(port, piece * 4, first=frame(1, b"[" * 65_000, final=False))


def pings(port):
    pushing(port, frame(9, b"x") * 20_000)


def joins(port):
    requests = b"".join(
        frame(1, b'{"type":"join","id":%d,"room":"flood%d"}' % (number, number))
        for number in range(10_000))
    pushing(port, requests)


def silent(port):
    join = frame(1, b'{"type":"join","id":1,"room":"0"}')
    pushing(
        port, frame(1, b'{"type":"ping","id":1}') * 100, count=100, reads=False,
        receive_bytes=4096, first=join)


FLOODS = [connects, handshakes, tinyframes, fragments, pings, joins, silent]


def attack(flood, port):
    os.sched_setaffinity(0, {bench.LOAD_CPU})
    # The members' clock runs on the same core, and must not be what is measured.
    os.nice(19)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    flood(port)


def resident_kilobytes(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {
        name: int(text.split(name + ":")[1].split()[0]) for name in ("VmRSS", "VmHWM")
    }


def members(folder, port, seconds):
    options = ["--conns", "20", "--rooms", "1", "--publishers", "1", "--payload", "128"]
    options += ["--rate", "50", "--duration", f"{seconds:g}", "--warmup", "0.5", *bench.PUBLISH]
    finished = scenarios.load(folder, port, *options).communicate(timeout=120)[0]
    result = json.loads(finished)
    if result["lost"] or result["dup"] or result["ooo"] or result["disconnected"]:
        sys.exit(f"floods: the members lost something: {finished}")
    return result["lat_us"]["p50"] / 1000, result["lat_us"]["p99"] / 1000


def play(flood, folder, roost, seconds):
    """One round: quiet, flooded, and the time until the node holds nothing of the flood."""
    configuration = {
        "auth": {"anonymous": True}, "namespaces": {"": {}}, "log": {"level": "info"}}
    with server(folder, roost, configuration) as (process, port, admin):
        quiet = members(folder, port, seconds)
        before = resident_kilobytes(process.pid)["VmRSS"]
        attacker = multiprocessing.Process(target=attack, args=(flood, port), daemon=True)
        attacker.start()
        try:
            time.sleep(0.5)
            flooded = members(folder, port, seconds)
        finally:
            attacker.kill()
            attacker.join()
        back = scenarios.wait_for(
            "no socket of the flood is left",
            lambda: scenarios.metrics(admin)["roost_sockets"] == 0, 30)
        values = scenarios.metrics(admin)
        refusals = {
            name.split('"')[1]: int(value) for name, value in values.items()
            if value and name.startswith(("roost_admission_refusals", "roost_rate_limited"))
        }
        peak = resident_kilobytes(process.pid)["VmHWM"]
        return quiet, flooded, before, peak, back, refusals


def server(folder, roost, configuration):
    """As the scenes' node, with the default limits."""
    path = folder / "flood.json"
    path.write_text(json.dumps(configuration))
    return scenarios.node_with(path, roost)


def main():
    parser = argparse.ArgumentParser(prog="ops/bench --floods", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--roost", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--only", nargs="+", default=[], choices=[each.__name__ for each in FLOODS])
    arguments = parser.parse_args()
    bad = 0
    print(f"{'flood':<12}{'p50 ms':>16}{'p99 ms':>18}{'memory MB':>14}{'gone s':>8}  refused")
    for flood in FLOODS:
        if arguments.only and flood.__name__ not in arguments.only:
            continue
        rounds = [
            play(flood, arguments.folder.absolute(), arguments.roost, arguments.seconds)
            for _ in range(arguments.rounds)
        ]
        def middle(place, figure):
            return statistics.median(each[place][figure] for each in rounds)

        quiet, flooded = (middle(0, 0), middle(0, 1)), (middle(1, 0), middle(1, 1))
        holds = flooded[0] <= MEDIAN_RATIO * quiet[0]
        holds &= flooded[1] <= max(TAIL_RATIO * quiet[1], TAIL_MS)
        bad += not holds
        before, peak = max(each[2] for each in rounds), max(each[3] for each in rounds)
        print(
            f"{flood.__name__:<12}{quiet[0]:>7.2f} ->{flooded[0]:>6.2f}{quiet[1]:>9.2f} ->"
            f"{flooded[1]:>6.2f}{before / 1024:>7.0f} ->{peak / 1024:>4.0f}"
            f"{max(each[4] for each in rounds):>8.1f}  {rounds[-1][5]}"
            f"{'' if holds else '   MISSED'}", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

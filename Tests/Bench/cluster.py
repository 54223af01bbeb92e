"""Measures what Redis in the path costs, and prints a table; `ops/bench --cluster` runs it.

The gateways run on CPU 0, Redis and the load generator on CPU 1. What is compared is measured in the
same round: a node that stands alone, then the same load through Redis.
"""

import argparse
import asyncio
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import urllib.request

import bench

NAMES = ["W5", "W2redis", "publishes", "history", "resubscribe"]
HISTORY = {"history": {"messages": 100, "seconds": 300}}


class Redis:
    """A Redis of its own, without persistence, on the load generator's core."""

    def __init__(self, folder):
        self.port = bench.free_port()
        self.folder = folder
        self.start()

    def start(self):
        command = ["taskset", "-c", str(bench.LOAD_CPU), "redis-server", "--port", str(self.port)]
        command += ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
        command += ["--maxmemory-policy", "noeviction", "--dir", str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while not bench.accepts(self.port):
            time.sleep(0.01)

    def info(self, section):
        lines = self.ask("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def cost(self, command):
        """Calls of a command and the microseconds that Redis spent on them."""
        said = self.info("commandstats").get(f"cmdstat_{command}", "calls=0,usec=0")
        fields = dict(part.split("=") for part in said.split(","))
        return int(fields["calls"]), float(fields["usec"])

    def ask(self, *words):
        command = ["redis-cli", "-p", str(self.port), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def stop(self):
        self.process.kill()
        self.process.wait()


class Node:
    """A gateway with one shard on the gateways' core."""

    def __init__(self, arguments, name, redis=None, namespaces=None, shards=1, pinned=True):
        self.port, self.admin = bench.free_port(), bench.free_port()
        configuration = json.loads(json.dumps(bench.CONFIGURATION))
        configuration["limits"]["rooms_per_connection"] = 0
        configuration["namespaces"] |= namespaces or {}
        file = arguments.folder / f"{name}.json"
        file.write_text(json.dumps(configuration))
        command = ["taskset", "-c", str(bench.SERVER_CPU)] if pinned else []
        command += [arguments.roost, "serve", "--config", str(file), "--shards", str(shards)]
        command += ["--listen", f"127.0.0.1:{self.port}", "--admin", f"127.0.0.1:{self.admin}"]
        command += ["--node-id", name]
        if redis:
            command += ["--redis", f"redis://127.0.0.1:{redis.port}"]
        log = open(arguments.folder / f"{name}.log", "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ends_at = time.monotonic() + 20
        while not self.is_ready():
            if time.monotonic() > ends_at or self.process.poll() is not None:
                sys.exit(f"bench: {name} is not ready: {(arguments.folder / f'{name}.log').read_text()}")
            time.sleep(0.05)

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/readyz") as answer:
                return answer.status == 200
        except OSError:
            return False

    def private_bytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return 1024 * sum(int(kb) for kb in re.findall(r"Private_(?:Clean|Dirty): +(\d+)", text))

    def stop(self):
        self.process.kill()
        self.process.wait()


def load(arguments, nodes, options):
    command = ["taskset", "-c", str(bench.LOAD_CPU), str(arguments.folder / "wsload")]
    for node in nodes:
        command += ["--port", str(node.port), "--server-pid", str(node.process.pid)]
    command += ["--path", "/ws", "--label", "roost", *bench.JOIN, *options]
    if "--publish" not in options:
        command += bench.PUBLISH
    finished = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    try:
        return json.loads(finished.stdout)
    except ValueError:
        sys.exit(f"bench: the load generator failed: {(finished.stdout + finished.stderr)[-500:]}")


def per_delivery(result):
    deliveries = result["deliveries_per_s"] * result["window_s"]
    return sum(server["sched_s"] for server in result["servers"]) * 1e6 / max(1, deliveries)


def faults(result):
    return [result.get(key, 0) for key in ("lost", "dup", "ooo")] + [
        result["failed"] + result["disconnected"]
    ]


def alone(arguments, options):
    node = Node(arguments, "alone")
    try:
        return load(arguments, [node], options)
    finally:
        node.stop()


def together(arguments, count, options, namespaces=None, measure=lambda redis: None):
    redis = Redis(arguments.folder)
    nodes = []
    try:
        for number in range(count):
            nodes.append(Node(arguments, f"node{number + 1}", redis, namespaces))
        before = measure(redis)
        result = load(arguments, nodes, options)
        return result, before, measure(redis)
    finally:
        for node in nodes:
            node.stop()
        redis.stop()


def w5(arguments):
    options = ["--conns", "5000", "--rooms", "500", "--publishers", "500", "--payload", "128"]
    options += ["--rate", "5000", "--duration", f"{arguments.seconds:g}"]
    base = alone(arguments, options)
    result, before, after = together(
        arguments, 2, options, measure=lambda redis: redis.info("cpu") | redis.info("stats")
    )
    used = sum(
        float(after[key]) - float(before[key]) for key in ("used_cpu_user", "used_cpu_sys")
    )
    seconds = result["window_s"] + 2  # with the warm-up, in which publishes are sent, too
    return {
        "us/delivery alone": per_delivery(base),
        "us/delivery through Redis": per_delivery(result),
        "ratio": per_delivery(result) / per_delivery(base),
        "p50 ms alone": base["lat_us"]["p50"] / 1000,
        "p50 ms": result["lat_us"]["p50"] / 1000,
        "p99 ms": result["lat_us"]["p99"] / 1000,
        "Redis us/publish": used * 1e6 / (5000 * seconds),
        "faults": faults(result),
    }


def w2redis(arguments):
    options = ["--conns", "1000", "--rooms", "1", "--publishers", "1", "--payload", "128"]
    options += ["--rate", "0", "--window", "16", "--duration", f"{arguments.seconds:g}"]
    base = alone(arguments, options)
    result, _, _ = together(arguments, 1, options)
    return {
        "deliveries/s alone": base["deliveries_per_s"],
        "deliveries/s through Redis": result["deliveries_per_s"],
        "ratio": result["deliveries_per_s"] / base["deliveries_per_s"],
        "us/delivery alone": per_delivery(base),
        "us/delivery": per_delivery(result),
        "faults": faults(result),
    }


def publishes(arguments):
    options = ["--conns", "500", "--rooms", "500", "--publishers", "500", "--payload", "128"]
    options += ["--rate", "0", "--window", "64", "--duration", f"{arguments.seconds:g}"]
    result, _, _ = together(arguments, 1, options)
    return {
        "publishes/s": result["deliveries_per_s"],
        "us/publish": per_delivery(result),
        "faults": faults(result),
    }


def history(arguments):
    figures = {}
    plain, logged = "publish", "evalsha"
    for name, window, room in (("plain", 1, ""), ("alone", 1, "h:"), ("16 together", 16, "h:")):
        options = ["--conns", "2", "--rooms", "1", "--publishers", "1", "--payload", "128"]
        options += ["--rate", "0", "--window", str(window), "--duration", f"{arguments.seconds:g}"]
        texts = [text.replace("{room}", room + "{room}") for text in bench.JOIN + bench.PUBLISH]
        command = plain if name == "plain" else logged
        result, before, after = together(
            arguments, 1, options + texts, {"h": HISTORY},
            measure=lambda redis, command=command: redis.cost(command),
        )  # fmt: skip
        # Two members get each message; the probes and leases of the node weigh nothing beside them.
        messages = result["deliveries_per_s"] * (result["window_s"]) / 2
        calls, spent = after[0] - before[0], after[1] - before[1]
        figures[f"{name}: us/call"] = spent / max(1, calls)
        figures[f"{name}: messages/call"] = messages / max(1, calls)
        figures[f"{name}: us/message"] = spent / max(1, messages)
    figures["ratio alone"] = figures["alone: us/call"] / figures["plain: us/call"]
    figures["ratio 16"] = figures["16 together: us/message"] / figures["plain: us/call"]
    return figures


def resubscribe(arguments, rooms=100_000):
    import websockets

    redis = Redis(arguments.folder)
    node = Node(arguments, "node1", redis, {"h": HISTORY})
    try:
        before = node.private_bytes()

        async def join_all():
            sockets = []
            for first in range(0, rooms, 5000):
                socket = await websockets.connect(f"ws://127.0.0.1:{node.port}/ws", max_size=None)
                for start in range(first, first + 5000, 250):
                    await socket.send(
                        "".join(
                            json.dumps({"type": "join", "id": n, "room": f"room-{n}"})
                            for n in range(start, start + 250)
                        )
                    )
                    answered = 0
                    while answered < 250:
                        answered += '"ok"' in await socket.recv()
                sockets.append(socket)
            held = node.private_bytes() - before
            channels = int(redis.info("stats").get("pubsub_channels", 0))
            redis.stop()
            began = time.monotonic()
            redis.start()
            up = time.monotonic()
            while int(redis.info("stats")["pubsub_channels"]) < channels:
                if time.monotonic() - up > 60:
                    sys.exit("bench: the rooms were not subscribed again")
                await asyncio.sleep(0.02)
            back = time.monotonic()
            for socket in sockets:
                socket.transport.abort()
            return held, channels, back - up, up - began

        held, channels, seconds, _ = asyncio.run(join_all())
        return {
            "channels": channels,
            "bytes/room": held / rooms,
            "seconds from Redis's start to all subscribed": seconds,
        }
    finally:
        node.stop()
        redis.stop()


def main():
    parser = argparse.ArgumentParser(prog="ops/bench --cluster", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--roost", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--only", nargs="+", default=NAMES, choices=NAMES)
    arguments = parser.parse_args()
    arguments.folder = arguments.folder.absolute()
    os.environ["PYTHONUNBUFFERED"] = "1"
    runs = {"W5": w5, "W2redis": w2redis, "publishes": publishes, "history": history}
    runs["resubscribe"] = resubscribe
    measured = {}
    for name in arguments.only:
        for turn in range(1 if name == "resubscribe" else arguments.rounds):
            figures = runs[name](arguments)
            measured.setdefault(name, []).append(figures)
            print(name, turn + 1, json.dumps(figures, default=str), flush=True)
    print()
    for name, rounds in measured.items():
        for key, first in rounds[0].items():
            values = [figures[key] for figures in rounds]
            shown = (
                "/".join(str(sum(column)) for column in zip(*values))
                if isinstance(first, list)
                else f"{statistics.median(values):.3f}"
            )
            print(f"{name:<12}{key:<46}{shown:>14}")
    (arguments.folder / "cluster.json").write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Measures Roost against the floor and prints a table; ops/bench builds what this needs.

Each round measures the floor and then Roost, each in a new process on CPU 0 with the load generator
on CPU 1. A workload's figure is Roost's cost divided by the floor's of the same round, and the
median of these ratios over the rounds: times drift on shared machines, ratios hold.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time

SERVER_CPU, LOAD_CPU = 0, 1
START_SECONDS = 10

# What a member receives, word for word from both servers, so that frames are of one size.
DELIVERED = '{"type":"message","room":"{room}","data":"{msg}"}'
JOIN = ["--join", '{"type":"join","id":{id},"room":"{room}"}', "--join-expect", '"ok"']
PUBLISH = ["--publish", '{"type":"publish","room":"{room}","data":"{msg}"}']
FLOOR_JOIN = ["--join", "J:{room}", "--join-expect", "OK"]
FLOOR_PUBLISH = ["--publish", "P:{room}:" + DELIVERED]

# No rate, no cap by address: what is measured is the work, not the refusals.
CONFIGURATION = {
    "auth": {"anonymous": True},
    "limits": {
        "messages_per_second": 0,
        "bytes_per_second": 0,
        "handshakes_per_second": 0,
        "handshakes_per_second_per_address": 0,
        "connections_per_address": 0,
        "messages_per_second_per_user": 0,
        "bytes_per_second_per_user": 0,
        "messages_per_second_per_address": 0,
        "bytes_per_second_per_address": 0,
    },
    "namespaces": {"": {}},
    "log": {"level": "warning"},
}


@dataclasses.dataclass
class Workload:
    name: str
    about: str
    floor_mode: str
    unit: str
    target: float
    load: list
    joins: bool = True
    publishes: bool = True

    def cost(self, result):
        """What one connection, delivery or handshake costs the server, in `unit`."""
        server = result["servers"][0]
        if self.unit == "B/connection":
            return server["pd_b_per_conn"]
        if self.unit == "us/handshake":
            return server["us_per_handshake"]
        deliveries = result["deliveries_per_s"] * result["window_s"]
        return server["sched_s"] * 1e6 / max(1, deliveries)


def workloads(seconds):
    idle = ["--conns", "15000", "--rooms", "1500", "--settle", "4", "--src-ips", "4"]
    storm = ["--conns", "10000", "--rooms", "1000", "--settle", "0", "--src-ips", "4"]
    storm += ["--connect-inflight", "256"]
    one = ["--conns", "1000", "--rooms", "1", "--publishers", "1", "--payload", "128"]
    many = ["--conns", "5000", "--rooms", "500", "--publishers", "500", "--payload", "128"]
    timed = ["--duration", f"{seconds:g}"]
    per_delivery = "us/delivery"
    return [
        Workload(
            "W1", "15,000 idle members of 1,500 rooms", "send", "B/connection", 1024,
            idle, publishes=False,
        ),
        Workload(
            "W2w16", "one room of 1,000, 16 messages on their way", "coalesce", per_delivery, 1.10,
            one + timed + ["--rate", "0", "--window", "16"],
        ),
        Workload(
            "W2w1", "one room of 1,000, 1 message on its way", "send", per_delivery, 1.08,
            one + timed + ["--rate", "0", "--window", "1"],
        ),
        Workload(
            "W2paced", "one room of 1,000, 100 messages/s", "send", per_delivery, 1.08,
            one + timed + ["--rate", "100"],
        ),
        Workload(
            "W3paced", "500 rooms of 10, 5,000 messages/s", "send", per_delivery, 1.08,
            many + timed + ["--rate", "5000"],
        ),
        Workload(
            "W3w1", "500 rooms of 10, 1 message each on its way", "send", per_delivery, 1.08,
            many + timed + ["--rate", "0", "--window", "1"],
        ),
        Workload(
            "W4", "10,000 handshakes, 256 at a time", "send", "us/handshake", 1.3,
            storm, joins=False, publishes=False,
        ),
    ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(prog="ops/bench", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--roost", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--only", nargs="+", default=[])
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    chosen = workloads(arguments.seconds)
    names = [workload.name for workload in chosen]
    if unknown := set(arguments.only) - set(names):
        sys.exit(f"bench: no workload {', '.join(unknown)}; there are {' '.join(names)}")
    chosen = [each for each in chosen if not arguments.only or each.name in arguments.only]
    if {SERVER_CPU, LOAD_CPU} - os.sched_getaffinity(0):
        sys.exit("bench: it needs CPUs 0 and 1, one for the server and one for the load")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 20_000:
        sys.exit("bench: it needs 20,000 descriptors a process; raise the limit (ulimit -Hn)")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("bench: ended by a signal"))

    measured = {workload.name: {"floor": [], "roost": []} for workload in chosen}
    for turn in range(1, arguments.rounds + 1):
        for workload in chosen:
            for kind in ("floor", "roost"):
                result = measure(workload, kind, arguments.roost, folder)
                measured[workload.name][kind].append(result)
                cost = workload.cost(result)
                print(
                    f"round {turn}/{arguments.rounds}  {workload.name:<8} {kind:<6}"
                    f"{cost:>10.3f} {workload.unit}",
                    flush=True,
                )
    rows = [summary(workload, measured[workload.name]) for workload in chosen]
    print_table(rows)
    file = folder / "results.json"
    file.write_text(json.dumps({"summary": rows, "measured": measured}, indent=1) + "\n")
    print(f"\nall figures: {file}")
    sys.exit(1 if any(row["lost"] or row["dup"] or row["ooo"] or row["cut"] for row in rows) else 0)


def measure(workload, kind, roost, folder):
    """One server, one run of the load generator; returns what the generator reports."""
    port = free_port()
    if kind == "floor":
        server = [str(folder / "rawfan"), "-p", str(port), "-m", workload.floor_mode]
        path, join, publish = "/", FLOOR_JOIN, FLOOR_PUBLISH
    else:
        configuration = folder / "roost.json"
        configuration.write_text(json.dumps(CONFIGURATION, indent=2))
        server = [roost, "serve", "--config", str(configuration), "--shards", "1"]
        server += ["--listen", f"127.0.0.1:{port}", "--admin", "127.0.0.1:0"]
        path, join, publish = "/ws", JOIN, PUBLISH
    load = [str(folder / "wsload"), "--port", str(port), "--path", path, "--label", kind]
    load += workload.load
    load += join if workload.joins else []
    load += publish if workload.publishes else []
    with running(server, port, folder / f"{kind}.log") as process:
        finished = subprocess.run(
            ["taskset", "-c", str(LOAD_CPU), *load, "--server-pid", str(process.pid)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    try:
        return json.loads(finished.stdout)
    except ValueError:
        sys.exit(
            f"bench: the load generator failed on {workload.name} with {kind}: "
            f"{(finished.stdout + finished.stderr)[-500:]}"
        )


@contextlib.contextmanager
def running(command, port, log_file):
    """A server pinned to its CPU, from listening to its end."""
    with open(log_file, "wb") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CPU), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        ends_at = time.monotonic() + START_SECONDS
        while not accepts(port):
            if process.poll() is not None or time.monotonic() > ends_at:
                said = log_file.read_text(errors="replace")[-500:]
                sys.exit(f"bench: {command[0]} does not listen on port {port}: {said}")
            time.sleep(0.05)
        time.sleep(0.2)
        yield process
    finally:
        process.kill()
        process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def summary(workload, results):
    """A workload's row: the median of the rounds' ratios, and what Roost lost on the way."""
    floor = [workload.cost(result) for result in results["floor"]]
    roost = [workload.cost(result) for result in results["roost"]]
    latencies = [each["lat_us"]["p99"] for each in results["roost"] if "lat_us" in each]
    return {
        "workload": workload.name,
        "about": workload.about,
        "unit": workload.unit,
        "floor": statistics.median(floor),
        "roost": statistics.median(roost),
        "ratio": statistics.median(ours / theirs for ours, theirs in zip(roost, floor)),
        "target": workload.target,
        "missed": not met(workload, floor, roost),
        "p99_ms": statistics.median(latencies) / 1000 if latencies else None,
        "lost": sum(each.get("lost", 0) for each in results["roost"]),
        "dup": sum(each.get("dup", 0) for each in results["roost"]),
        "ooo": sum(each.get("ooo", 0) for each in results["roost"]),
        "cut": sum(each["failed"] + each["disconnected"] for each in results["roost"]),
    }


def met(workload, floor, roost):
    """Targets are ratios, but for memory, which is bytes a connection."""
    if workload.unit == "B/connection":
        return statistics.median(roost) <= workload.target
    return statistics.median(o / t for o, t in zip(roost, floor)) <= workload.target


def print_table(rows):
    print(
        f"\n{'workload':<9}{'':<44}{'floor':>10}{'roost':>10} {'unit':<13}{'ratio':>6}{'target':>8}"
        f"{'p99 ms':>9}  lost/dup/ooo/cut"
    )
    for row in rows:
        p99 = "" if row["p99_ms"] is None else f"{row['p99_ms']:.2f}"
        print(
            f"{row['workload']:<9}{row['about']:<44}{row['floor']:>10.3f}{row['roost']:>10.3f} "
            f"{row['unit']:<13}{row['ratio']:>6.2f}{row['target']:>8.2f}{p99:>9}"
            f"  {row['lost']}/{row['dup']}/{row['ooo']}/{row['cut']}"
            f"{'   MISSED' if row['missed'] else ''}"
        )


if __name__ == "__main__":
    main()

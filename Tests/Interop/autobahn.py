"""Runs the Autobahn conformance suite and judges its report.

    autobahn.py --wstest PATH --url ws://HOST:PORT/echo --output FOLDER [--cases 1.* 2.* ...]
    autobahn.py --wstest PATH --server --output FOLDER [--cases ...]

The first form tests a server that returns each message as it came. The second form is for the
client role: it runs Autobahn's server on a free port, prints `listening ws://127.0.0.1:PORT`, and
waits for the client under test to run its cases and ask for the report (/updateReports).

Prints a line for each case that is not OK, then one summary. Exits 0 only when every case and
every close was OK or informational: what Autobahn calls NON-STRICT or UNIMPLEMENTED counts as a
failure.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wstest", required=True, help="path of Autobahn's wstest")
    role = parser.add_mutually_exclusive_group(required=True)
    role.add_argument("--url", help="the echo server to test")
    role.add_argument("--server", action="store_true", help="be the server that tests a client")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="folder for the report")
    parser.add_argument("--cases", nargs="+", default=["*"], help="which cases, such as 6.* 7.*")
    parser.add_argument("--exclude", nargs="*", default=[], help="which cases not")
    parser.add_argument("--expected", type=int, help="how many cases the report must hold")
    parser.add_argument("--deadline", type=float, default=600, help="seconds for all cases")
    arguments = parser.parse_args()

    report = arguments.output.absolute()
    shutil.rmtree(report, ignore_errors=True)
    report.mkdir(parents=True)
    if arguments.server:
        port = free_port()
        url = f"ws://127.0.0.1:{port}"
        setting = {"url": url}
        mode = ["--mode", "fuzzingserver", "--webport", "0"]
    else:
        setting = {"servers": [{"agent": "roost", "url": arguments.url}]}
        mode = ["--mode", "fuzzingclient"]
    setting |= {
        "outdir": str(report),
        "cases": arguments.cases,
        "exclude-cases": arguments.exclude,
        "exclude-agent-cases": {},
    }
    specification = report / "specification.json"
    specification.write_text(json.dumps(setting, indent=2))

    # What steers the Python that runs this file must not steer the Python 2.7 of the suite.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    } | {"PYTHONUNBUFFERED": "1"}
    with open(report / "wstest.log", "wb") as log:
        suite = subprocess.Popen(
            [os.path.abspath(arguments.wstest), *mode, "--spec", str(specification)],
            cwd=report,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    ends_at = time.monotonic() + arguments.deadline
    try:
        if arguments.server:
            wait_until(lambda: accepts(port), suite, ends_at, report, "it did not listen")
            print(f"listening {url}", flush=True)
        what = f"it was not through after {arguments.deadline:g} s"
        wait_until(lambda: read_index(report), suite, ends_at, report, what)
    finally:
        end(suite)
    sys.exit(judge(read_index(report), arguments.expected, report))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def read_index(report):
    """The report's index, or None while it is not there or only half written."""
    try:
        return json.loads((report / "index.json").read_text())
    except (OSError, ValueError):
        return None


def wait_until(condition, suite, ends_at, report, what):
    while not condition():
        ended = suite.poll() is not None
        if ended and condition():
            return
        if ended or time.monotonic() > ends_at:
            lines = (report / "wstest.log").read_text(errors="replace").splitlines()
            reason = f"it ended with code {suite.returncode}" if ended else what
            said = "".join(f"\n  {line[:200]}" for line in lines[-5:])
            sys.exit(f"wstest: {reason}; its last lines:{said}")
        time.sleep(0.1)


def end(suite):
    for kill in (signal.SIGTERM, signal.SIGKILL):
        if suite.poll() is None:
            os.killpg(suite.pid, kill)
            try:
                suite.wait(5)
            except subprocess.TimeoutExpired:
                pass


def judge(index, expected, report):
    """Prints what is not OK and the summary; returns the exit code."""
    counts = dict.fromkeys(("OK", "NON-STRICT", "FAILED", "INFORMATIONAL"), 0)
    for agent, cases in index.items():
        for name in sorted(cases, key=lambda name: [int(part) for part in name.split(".")]):
            case = cases[name]
            verdicts = {case["behavior"], case["behaviorClose"]} - {"OK"}
            if not verdicts:
                verdict = "OK"
            elif verdicts <= {"INFORMATIONAL"}:
                verdict = "INFORMATIONAL"
            elif verdicts <= {"INFORMATIONAL", "NON-STRICT"}:
                verdict = "NON-STRICT"
            else:
                verdict = "FAILED"
            counts[verdict] += 1
            if verdict != "OK":
                print(
                    f"{name}: behavior {case['behavior']}, close {case['behaviorClose']}"
                    f" (code {case.get('remoteCloseCode')}), {details(report, case)}"
                )
    total = sum(counts.values())
    print(
        f"{total} cases: {counts['OK']} OK, {counts['NON-STRICT']} non-strict, "
        f"{counts['FAILED']} failed, {counts['INFORMATIONAL']} informational"
    )
    if total == 0 or expected not in (None, total):
        print(f"the report should hold {expected or 'some'} cases")
        return 1
    return 1 if counts["NON-STRICT"] or counts["FAILED"] else 0


def details(report, case):
    """What Autobahn says about the result of a case, in one line."""
    try:
        text = json.loads((report / case["reportfile"]).read_text()).get("result") or ""
    except (OSError, ValueError):
        text = ""
    return re.sub(r"\s+", " ", text)[:200] or "no details"


if __name__ == "__main__":
    main()

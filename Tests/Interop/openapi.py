#!/usr/bin/env python3
"""Holds a node's server API against its own description: schemathesis makes requests out of the
OpenAPI document, right ones and wrong ones, and judges each response by it.

  openapi.py ADMIN_ADDRESS API_KEY [--seconds N]

Exits 0 when nothing was found.
"""

import pathlib
import subprocess
import sys
import tempfile

# What a description cannot say, so that the checks would be wrong about it.
CONFIGURATION = """
# Two names of a query that need each other.
[[operations]]
include-operation-id = "read_history"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 403]

# A key has no effect where there is no room, and is refused rather than ignored.
[[operations]]
include-operation-id = "broadcast"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 403, 409]

# There is nothing to take back.
[[operations]]
include-operation-id = "undrain"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 409]

# An event stream does not end by itself.
[[operations]]
include-operation-id = "stream_events"
request-timeout = 1.0
max-stream-events = 1
"""


def main(arguments):
    if len(arguments) not in (2, 4):
        sys.exit(__doc__.strip())
    address, key = arguments[:2]
    seconds = arguments[3] if len(arguments) == 4 else "12"
    with tempfile.TemporaryDirectory() as folder:
        configuration = pathlib.Path(folder) / "schemathesis.toml"
        configuration.write_text(CONFIGURATION)
        program = pathlib.Path(sys.executable).parent / "schemathesis"
        run = [
            program, "--config-file", configuration, "--no-color",
            "run", f"http://{address}/openapi.json",
            # It would be the node's last answer.
            "--exclude-operation-id", "drain", "--header", f"Authorization: Bearer {key}",
            # Lists of messages and connections stay, empty, when all that was in them is gone.
            "--checks", "all", "--exclude-checks", "use_after_free", "--max-time", seconds, "--max-examples", "20", "--warnings", "off",
            "--generation-database", ":memory:",
        ]
        return subprocess.run([str(part) for part in run], cwd=folder).returncode


sys.exit(main(sys.argv[1:]))

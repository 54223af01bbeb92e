"""Uses `roost top` in a terminal as people do, and looks at the screen.

    terminal.py ROOST HOST:PORT KEY

HOST:PORT is the admin port of a running node that wants the API key KEY. The terminal is a pty of 80 columns and 24 lines, whose
screen is kept here: what is drawn, resized, stopped, killed and quit is checked, and that the terminal is
given back each time. Exits 0 when everything was as it should be.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

DEADLINE_SECONDS = 60
SEQUENCE = re.compile(r"\x1b\[([?>]?)([0-9;]*)([A-Za-z])")


class Screen:
    """What a terminal shows, as far as `roost top` uses one; anything else is an error."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.clear()
        self.modes = {25: True, 7: True, 1049: False}
        self.colours = set()
        self.rest = ""

    def clear(self):
        self.lines = [[" "] * self.width for _ in range(self.height)]
        self.row = self.column = 0

    def take(self, text):
        text = self.rest + text
        self.rest = ""
        place = 0
        while place < len(text):
            letter = text[place]
            if letter == "\x1b":
                found = SEQUENCE.match(text, place)
                if not found:
                    # The other half of a sequence comes with the next read.
                    assert len(text) - place < 12, f"unknown sequence {text[place:place + 12]!r}"
                    self.rest = text[place:]
                    return
                self.act(*found.groups())
                place = found.end()
                continue
            if letter == "\n":
                self.row = min(self.row + 1, self.height - 1)
            elif letter == "\r":
                self.column = 0
            elif self.column < self.width:
                self.lines[self.row][self.column] = letter
                self.column += 1
            place += 1

    def act(self, private, numbers, letter):
        numbers = [int(number or 0) for number in numbers.split(";")]
        if private == "?" and letter in "hl":
            assert numbers[0] in self.modes, f"unknown mode {numbers}"
            self.modes[numbers[0]] = letter == "h"
            if numbers[0] == 1049:
                self.clear()
        elif letter == "H" and numbers == [0]:
            self.row = self.column = 0
        elif letter == "K":
            self.lines[self.row][self.column:] = [" "] * (self.width - self.column)
        elif letter == "J":
            self.lines[self.row][self.column:] = [" "] * (self.width - self.column)
            for row in range(self.row + 1, self.height):
                self.lines[row] = [" "] * self.width
        elif letter == "m":
            self.colours.update(number for number in numbers if number)
        else:
            raise AssertionError(f"unknown sequence {private}{numbers}{letter}")

    @property
    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)

    @property
    def is_given_back(self):
        return self.modes == {25: True, 7: True, 1049: False}


class Program:
    """A program in a terminal of its own."""

    def __init__(self, arguments, width=80, height=24, environment=()):
        self.screen = Screen(width, height)
        self.status = None
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            variables = {"PATH": "/usr/bin:/bin", "TERM": "xterm-256color", **dict(environment)}
            os.execve(arguments[0], arguments, variables)
        self.resize(width, height)

    def resize(self, width, height):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read(self):
        """Takes what was written; false when the program is gone."""
        if not select.select([self.terminal], [], [], 0.05)[0]:
            return True
        try:
            found = os.read(self.terminal, 65536)
        except OSError:
            return False
        self.screen.take(found.decode())
        return bool(found)

    def until(self, what, condition):
        ends_at = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            if not self.read() or time.monotonic() > ends_at:
                raise AssertionError(f"waited in vain for {what}:\n{self.screen.text}")

    def press(self, keys):
        os.write(self.terminal, keys.encode())

    def wait(self):
        """Reads to the end; the exit status, or the signal below zero."""
        ends_at = time.monotonic() + DEADLINE_SECONDS
        while self.read():
            if time.monotonic() > ends_at:
                raise AssertionError(f"it does not end:\n{self.screen.text}")
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def stops(self):
        ends_at = time.monotonic() + DEADLINE_SECONDS
        while True:
            self.read()
            process, status = os.waitpid(self.process, os.WUNTRACED | os.WNOHANG)
            if process:
                assert os.WIFSTOPPED(status), f"it ended with {status}"
                break
            if time.monotonic() > ends_at:
                raise AssertionError("it does not stop")
        while select.select([self.terminal], [], [], 0)[0]:
            self.read()

    @property
    def echoes(self):
        wanted = termios.ICANON | termios.ECHO
        return termios.tcgetattr(self.terminal)[3] & wanted == wanted

    def is_drawn(self):
        # A screen is drawn from its top over the one before, which has the same last line.
        text = self.screen.text
        return (
            "roost top  1 node, 1 ready" in text
            and " serving " in text
            and "BUSIEST CONNECTIONS" in text
            and text.endswith("q quits")
        )


def done(sentence):
    print(f"ok  {sentence}", flush=True)


def use(roost, admin, folder, key):
    key_file, wrong = folder / "key", folder / "wrong"
    key_file.write_text(f"{key}\n")
    wrong.write_text("not-the-key-of-this-node\n")
    command = [roost, "top", "--admin", admin, "--key-file", str(key_file), "--interval", "0.5"]

    program = Program(command)
    program.until("a screen", program.is_drawn)
    lines = program.screen.text.split("\n")
    assert program.screen.modes == {25: False, 7: False, 1049: True}, program.screen.modes
    assert not program.echoes, "keys are echoed"
    assert len(lines) == 24, lines
    headings = [line.split() for line in lines]
    wanted = "NODE PHASE CONN USED ROOMS IN/S OUT/S HS/S QUEUE RSS REDIS".split()
    assert headings[3] == wanted, lines[3]
    assert headings[4][1] == "serving", lines[4]
    for part in ("LARGEST ROOMS", "BUSIEST ROOMS", "DEEPEST QUEUES", "BUSIEST CONNECTIONS"):
        assert part in program.screen.text, program.screen.text
    assert program.screen.colours, "no colours"
    done("80 columns and 24 lines hold everything")

    program.resize(120, 40)
    program.screen = Screen(120, 40)
    program.until("a larger screen", lambda: program.screen.lines[39][0] == "q")
    program.until("the longer head", program.is_drawn)
    program.resize(30, 8)
    program.screen = Screen(30, 8)
    program.until("a smaller screen", lambda: program.screen.lines[7][0] == "q")
    done("it follows the size of the window")

    # The size came as a new screen, which does not know what was set before.
    program.screen.modes = {25: False, 7: False, 1049: True}
    program.press("\x1a")
    program.stops()
    assert program.screen.is_given_back and program.echoes, program.screen.modes
    os.kill(program.process, signal.SIGCONT)
    program.until("the screen again", lambda: program.screen.lines[7][0] == "q")
    assert not program.echoes
    done("Ctrl-Z gives the terminal back, and fg takes it again")
    program.press("q")
    assert program.wait() == 0
    assert program.screen.is_given_back and program.echoes, program.screen.modes
    done("q ends it and gives the terminal back")

    program = Program(command, environment={"NO_COLOR": "1"}.items())
    program.until("a screen", program.is_drawn)
    assert not program.screen.colours, program.screen.colours
    program.press("\x03")
    assert program.wait() == 0
    assert program.screen.is_given_back and program.echoes, program.screen.modes
    done("NO_COLOR is kept to, Ctrl-C ends it and gives the terminal back")

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV, signal.SIGILL, signal.SIGABRT):
        program = Program(command)
        program.until("a screen", program.is_drawn)
        os.kill(program.process, number)
        status = program.wait()
        assert status == (0 if number in (signal.SIGTERM, signal.SIGHUP) else -number), status
        assert program.screen.is_given_back and program.echoes, (number, program.screen.modes)
    done("signals, those of a bug too, give the terminal back")

    program = Program([*command[:2], "--admin", "127.0.0.1:1", "--interval", "0.5"])
    program.until("the reason", lambda: "http://127.0.0.1:1: " in program.screen.text)
    program.press("q")
    assert program.wait() == 0
    done("a node that cannot be reached is told, and asked again")

    program = Program([*command[:5], str(wrong)])
    assert program.wait() == 1
    assert "wants a key that it knows" in program.screen.text, program.screen.text
    assert program.screen.is_given_back and program.echoes
    done("a key that is not known ends it, with the reason")

    def run(*more):
        return subprocess.run([*command, *more], capture_output=True, timeout=DEADLINE_SECONDS)

    found = run("--once")
    assert found.returncode == 0 and not found.stderr, found
    assert re.match(rb"20\d\d-\d\d-\d\dT[\d:]{8} nodes=1 ready=1 ", found.stdout), found.stdout
    assert b"\nnode " in found.stdout and b"\x1b" not in found.stdout, found.stdout
    found = run("--once", "--json")
    parts = json.loads(found.stdout)
    assert parts["nodes"]["nodes"][0]["phase"] == "serving" and "rooms" in parts["top"], parts
    found = subprocess.run(
        [*command[:2], "--admin", "127.0.0.1:1", "--once"],
        capture_output=True,
        timeout=DEADLINE_SECONDS,
    )
    assert found.returncode == 1 and b"127.0.0.1:1" in found.stderr, found
    done("without a terminal it writes lines or JSON, once")

    reader = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE)
    with contextlib.closing(reader.stdout):
        for _ in range(2):
            assert json.loads(reader.stdout.readline())["nodes"]
    assert reader.wait(DEADLINE_SECONDS) == 0
    done("it ends when nobody reads any more")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    try:
        with tempfile.TemporaryDirectory() as folder:
            use(sys.argv[1], sys.argv[2], pathlib.Path(folder), sys.argv[3])
    except AssertionError as problem:
        sys.exit(f"NOT as it should be: {problem}")


if __name__ == "__main__":
    main()

// Plays the scenarios of Tests/Behaviour (its README has the format) against roost.js, with
// sockets, timers and clocks of its own. Runs under Node:
//
//   node behaviour.mjs FOLDER MODULE     plays every scenario of the folder with that roost.js
//
// and in a page, which imports `playAll` (browser_behaviour.py does).

const EVENTS = [
  "state", "room", "message", "binary", "gap", "reset", "presence_reset", "removed", "added",
  "joined", "left", "members", "direct", "error", "draining", "moved",
];

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const plain = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

/** Reads a scenario; a string "@N" stands for N letters. */
export const parse = (text) =>
  JSON.parse(text, (_, value) =>
    typeof value === "string" && /^@\d+$/.test(value) ? "x".repeat(Number(value.slice(1))) : value);

// Everything around one client: what it sees is here, and what it does is written down here.
class Stage {
  time = 0;
  timers = new Map();
  nextTimer = 1;
  dials = [];
  sent = [];
  events = [];
  outcomes = new Map();
  requests = new Map();
  names = new Map();
  hangups = [];
  calls = 0;
  signals = new Map();
  // Every socket, in the order of the dials.
  sockets = [];
  lastSent;
  provide;

  constructor(Roost, { random, options = {} }) {
    const stage = this;
    class Socket {
      isAlive = true;
      constructor(url, protocols) {
        if (String(protocols.slice(0, 2)) !== "roost.v1.json,roost.mid")
          throw new Error(`subprotocols are ${protocols}`);
        if (stage.sockets.filter((socket) => socket.isAlive).length > 1)
          throw new Error("a third connection beside two that live");
        const offered = (prefix) =>
          protocols.find((name) => name.startsWith(prefix))?.slice(prefix.length);
        const ticket = offered("roost.ticket.");
        stage.dials.push({ token: offered("bearer.") ?? null, ...(ticket && { ticket }) });
        this.number = stage.sockets.push(this);
      }
      send(data) {
        if (!this.isAlive) throw new Error("sent on a dead socket");
        const { number } = this;
        if (typeof data === "string") stage.sent.push({ number, ...JSON.parse(data) });
        else stage.sent.push({ number, binary: base64(data) });
      }
      close(code) {
        if (!this.isAlive) return;
        stage.hangups.push({ socket: this.number, code });
        this.isAlive = false;
        // A real socket tells its end later, even to who let go of it.
        queueMicrotask(() => this.onclose?.({ code: 1006, reason: "" }));
      }
    }
    const answers = options.token && [...options.token];
    const token = answers && (async () => {
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === "later") return new Promise((done) => (this.provide = done));
      if (answer === "fail" || answer === "final")
        throw Object.assign(new Error("no token"), { final: answer === "final" });
      return answer;
    });
    const world = {
      now: () => this.time,
      random: () => random,
      setTimeout: (action, delay) => {
        this.timers.set(this.nextTimer, { at: this.time + delay, action });
        return this.nextTimer++;
      },
      clearTimeout: (timer) => this.timers.delete(timer),
      window: {
        document: { visibilityState: "visible" },
        addEventListener: (type, listener) => this.signals.set(type, listener),
        removeEventListener: (type) => this.signals.delete(type),
      },
    };
    this.roost = new Roost("ws://node.test/ws", { token, WebSocket: Socket, world });
    for (const event of EVENTS) this.roost.on(event, (told) => this.note(told));
  }

  note(event) {
    const isBinary = event.event === "binary";
    this.events.push(plain(isBinary ? { ...event, data: base64(event.data) } : event));
  }

  call(step) {
    const { do: what, as, room, data, key, to, ...options } = step;
    const { roost } = this;
    const start = {
      connect: () => roost.connect(),
      close: () => roost.close(),
      join: () => void roost.join(room),
      leave: () => roost.room(room).leave(),
      publish: () => roost.room(room).publish(data, { key }),
      publish_binary: () => roost.room(room).publish(bytesOf(data)),
      send: () => roost.send(to, data),
      presence: () => roost.room(room).presence(options),
      history: () => roost.room(room).history(options),
    };
    const promise = start[what]();
    if (!promise) return;
    this.calls += 1;
    const settle = (outcome) => {
      this.calls -= 1;
      if (as) this.outcomes.set(as, outcome);
    };
    if (as) this.outcomes.set(as, { pending: true });
    promise.then(
      (ok) => settle({ ok: plain(ok) }),
      (error) => settle({ error: error.code ?? `${error}` }));
  }

  async advance(duration) {
    const end = this.time + duration;
    for (;;) {
      let [next, found] = [undefined, { at: Infinity }];
      for (const [id, timer] of this.timers) if (timer.at < found.at) [next, found] = [id, timer];
      if (found.at > end) break;
      this.timers.delete(next);
      this.time = Math.max(this.time, found.at);
      found.action();
      await rest();
    }
    this.time = end;
  }

  receive(step, data) {
    this.alive(step).onmessage({ data });
  }

  end(step, code, reason) {
    const socket = this.alive(step);
    socket.isAlive = false;
    socket.onclose({ code, reason });
  }

  // The socket that a step names by the number of its dial; else the newest that lives.
  alive({ socket: number }) {
    const found = number ? this.sockets[number - 1] : this.sockets.findLast((one) => one.isAlive);
    if (!found?.isAlive) throw new Error("there is no such socket");
    return found;
  }

  // Whether a value is what a scenario says; "*" is anything, "=NAME" the same thing everywhere.
  matches(actual, wanted) {
    if (wanted === "*") return actual !== undefined;
    if (typeof wanted === "string" && wanted.startsWith("=")) {
      if (!this.names.has(wanted)) this.names.set(wanted, actual);
      return actual !== undefined && this.names.get(wanted) === actual;
    }
    if (typeof wanted !== "object" || wanted === null) return actual === wanted;
    if (typeof actual !== "object" || actual === null) return false;
    if (Array.isArray(actual) !== Array.isArray(wanted)) return false;
    const keys = Object.keys(wanted);
    return keys.length === Object.keys(actual).length
      && keys.every((key) => this.matches(actual[key], wanted[key]));
  }

  expect(actual, wanted) {
    if (!this.matches(actual, wanted))
      throw new Error(`expected ${shown(wanted)} and not ${shown(actual)}`);
  }

  async play(step) {
    if (step.do) this.call(step);
    else if (step.provide) this.provide(step.provide);
    else if ("dial" in step) this.expect(this.dials.splice(0), [step.dial]);
    else if (step.nodial) this.expect(this.dials, []);
    else if (step.open) this.alive(step).onopen?.();
    else if (step.lost) this.end(step, 1006, "");
    else if (step.closed) this.end(step, step.closed.code, step.closed.reason);
    else if (step.receive) this.receive(step, JSON.stringify(step.receive));
    else if (step.reply) {
      const { number, id } = step.to ? this.requests.get(step.to) : this.lastSent;
      this.receive({ socket: number, ...step }, JSON.stringify({ ...step.reply, id }));
    } else if ("receive_binary" in step) this.receive(step, bytesOf(step.receive_binary).buffer);
    else if (step.sent === null) this.expect(this.sent, []);
    else if (step.sent) {
      this.lastSent = this.sent.shift();
      const { id, number, ...fields } = this.lastSent ?? {};
      this.expect(fields, step.sent);
      if (step.socket) this.expect(number, step.socket);
      if (step.as) this.requests.set(step.as, this.lastSent);
    } else if ("sent_binary" in step) {
      const { number, ...fields } = this.sent.shift() ?? {};
      this.expect(fields, { binary: step.sent_binary });
      if (step.socket) this.expect(number, step.socket);
    } else if (step.event === null) this.expect(this.events, []);
    else if (step.event) this.expect(this.events.shift(), step.event);
    else if (step.outcome) {
      const { outcome, ...wanted } = step;
      this.expect(this.outcomes.get(outcome), wanted);
    } else if ("advance" in step) await this.advance(step.advance);
    else if ("late" in step) {
      this.time += step.late;
      await this.advance(0);
    } else if ("wallclock" in step) wallClockShift += step.wallclock;
    else if (step.hangup) {
      const [found, ...others] = this.hangups.splice(0);
      this.expect(others, []);
      const wanted = step.hangup === true ? {} : step.hangup;
      this.expect({ ...found, ...wanted }, found ?? "a socket that was let go");
    } else if (step.visible) this.signals.get("visibilitychange")();
    else if (step.online) this.signals.get("online")();
    else if (step.repeat) {
      for (let count = 0; count < step.repeat; count++) await this.playAll(step.steps);
    } else if (step.leaks) {
      const sockets = this.sockets.filter((socket) => socket.isAlive).length;
      const held = { timers: this.timers.size, sockets, waiting: this.calls };
      this.expect(held, { ...step.leaks, timers: Math.min(held.timers, step.leaks.timers) });
    } else throw new Error("no such step");
    await rest();
  }

  async playAll(steps) {
    for (const [index, step] of steps.entries()) {
      try {
        await this.play(step);
      } catch (problem) {
        if (!step.repeat) problem.message = `step ${index + 1}, ${shown(step)}: ${problem.message}`;
        throw problem;
      }
    }
  }
}

const shown = (value) => {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
};

let wallClockShift = 0;
const wallClock = Date.now;
Date.now = () => wallClock() + wallClockShift;

// Lets every promise that can go on go on.
async function rest() {
  for (let turn = 0; turn < 8; turn++) await null;
}

/** Plays scenarios by name; gives a line for each and the number of those that failed. */
export async function playAll(Roost, scenarios) {
  const lines = [];
  let failed = 0;
  for (const [name, scenario] of scenarios) {
    if (scenario.only && scenario.only !== "js") continue;
    wallClockShift = 0;
    try {
      await new Stage(Roost, scenario).playAll(scenario.steps);
      lines.push(`ok  ${name}: ${scenario.name}`);
    } catch (problem) {
      failed += 1;
      lines.push(`NOT ${name}: ${scenario.name}\n    ${problem.message}`);
    }
  }
  lines.push(`${lines.length - failed} scenarios went as they should, ${failed} did not`);
  return { lines, failed };
}

if (typeof process !== "undefined" && process.argv[1]?.endsWith("behaviour.mjs")) {
  const { readdirSync, readFileSync } = await import("node:fs");
  const { pathToFileURL } = await import("node:url");
  const [folder, module] = process.argv.slice(2);
  const { Roost } = await import(pathToFileURL(module).href);
  const files = readdirSync(folder).filter((name) => name.endsWith(".json")).sort();
  const { lines, failed } = await playAll(
    Roost, files.map((name) => [name, parse(readFileSync(`${folder}/${name}`, "utf8"))]));
  console.log(lines.join("\n"));
  process.exitCode = failed || files.length < 100 ? 1 : 0;
}

// The client of Roost for pages and for JavaScript elsewhere: one module, no dependency. It speaks
// roost.v1.json (the protocol article), comes back by itself, recovers what it missed and tells
// what it could not. Tests/Behaviour says, case by case, what it does; Tests/Interop/behaviour.mjs
// holds it to that. `ops/pages` serves it without comments, which therefore stand on lines of their
// own, and with short names for what is private, constants in capitals and words like `isKept`.

// Times, in milliseconds.
const BACK_OFF = 500;
const BACK_OFF_MAX = 30_000;
const JITTER = 1_000;
const CONNECT = 10_000;
const STEADY = 10_000;
const ANSWER = 10_000;
const LATE = 5_000;
// A move: how long the old connection stays once everything is on the new one, for what is on its way
// over it, and in any case; and how long what it brought is remembered.
const LINGER = 250;
const MOVE = 5_000;
const MEMORY = 60_000;
// How long a timer may be set for at once.
const TIMER_MAX = 2_000_000_000;

// Bounds: requests without an answer, calls that wait, their bytes, and what an id adds to one.
const UNANSWERED_MAX = 100;
const WAITING_MAX = 1_000;
const WAITING_BYTES_MAX = 4 << 20;
const ID_BYTES = 24;
const MEMORY_MAX = 512;

const UNAUTHORIZED = 4001;
const TOKEN_EXPIRED = 4002;
const RATE_LIMITED = 4004;
// After these nobody comes back; after the two of tokens only who can get another one.
const FINAL = [1000, 1002, 1003, 1007, 1008, 1009, 4003, 4006, 4007];
// What fails with these may succeed later; `rate_limited` holds back everything else, too.
const REPEATED = ["unavailable", "unknown", "internal", "rate_limited"];
// What the server pushes about a room and the client only hands on.
const HANDED_ON = ["members", "presence_reset"];
const TICKET = /^[\w-]{1,600}$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Why a call failed: `code` is one of the protocol's, or `timeout`, `buffer_full`, `closed`. */
export class RoostError extends Error {
  constructor(code, message, retryAfterMs) {
    super(message || code);
    this.name = "RoostError";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

let emit;

/** What has events. */
class Listeners {
  #all = new Map();

  static {
    emit = (target, event) => {
      for (const listener of [...(target.#all.get(event.event) ?? [])]) {
        // What a listener throws is the application's affair, not the connection's.
        try {
          listener(event);
        } catch (problem) {
          queueMicrotask(() => {
            throw problem;
          });
        }
      }
    };
  }

  /** Calls `listener` with each such event, until the function that this returns is called. */
  on(event, listener) {
    const listeners = this.#all.get(event) ?? new Set();
    this.#all.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }
}

/** A room, joined or not. */
class Room extends Listeners {
  #client;

  constructor(name, client) {
    super();
    this.name = name;
    this.#client = client;
  }

  /** The place of the last message taken, in a room with history that was joined; else null. */
  get position() {
    return this.#client.position(this.name);
  }

  /** Wishes to be in the room, now and after every reconnect, until `leave`. */
  join() {
    this.#client.join(this);
    return this;
  }

  /** Ends the wish. No message of the room comes any more. */
  leave() {
    this.#client.leave(this.name);
  }

  /**
   * Publishes a JSON value, repeated with one key until the server acknowledges it: a promise of
   * its `epoch` and `offset`. Bytes go out as a binary message, which nobody acknowledges.
   */
  publish(data, { key } = {}) {
    return this.#client.publish(this.name, data, key);
  }

  /** A page of the room's log; `since`, `limit` and `reverse` as in the protocol. */
  history(options) {
    return this.#client.read("history", this.name, options);
  }

  /** A page of the room's members; `limit` and `after` as in the protocol. */
  presence(options) {
    return this.#client.read("presence", this.name, options);
  }
}

/** A connection to Roost that lasts: it is made again whenever it is lost. */
export class Roost extends Listeners {
  #url;
  #provider;
  #WebSocket;
  #timeout;
  // What the tests replace: `now()` in milliseconds that no clock change touches, `random()`,
  // `setTimeout`, `clearTimeout`, and `window`, which tells of visibility and of being online.
  #world;
  #doors;

  // The connection: idle, connecting, open, waiting or closed; the socket from its welcome on.
  #state = "idle";
  #socket;
  #welcome = null;
  #attempt = 0;
  // A socket without a welcome yet; beside the one above it when the node drains. The connection that
  // was moved from, until it is let go. What lets the next one take over, and what both brought.
  #dialled;
  #old;
  #ticket;
  #seen = new Set();
  #openedAt;
  #failures = 0;
  #isDraining = false;
  #isPinged = false;

  // The token: the newest one, when it expires, refusals in a row, failures of a renewal in a row.
  #token;
  #expiresAt = Infinity;
  #refusals = 0;
  #renewals = 0;

  // Everything timed: what is due when, by name or by the object concerned. One timer serves all.
  #deadlines = new Map();
  #timer;
  #timerAt = Infinity;

  // Rooms that are joined, wished for, or given by the server, in the order of the wishes.
  #rooms = new Map();
  // Calls in their order, and what to do with the reply to each request that has none yet.
  #calls = new Set();
  #bytes = 0;
  #asked = new Map();
  #nextID = 1;
  #isHeld = false;

  /**
   * @param url the endpoint, `wss://…/ws`; in a page it may be relative.
   * @param options `token`: a string, or a function that gives one or a promise of one. It is
   *   called before the first dial and whenever the last token has expired or was refused; an error
   *   that it throws with `final: true` ends the client. `WebSocket`: the constructor, where there
   *   is no global one. `timeout`: how long a call waits for a connection and its reply, in
   *   milliseconds.
   */
  constructor(url, { token, WebSocket = globalThis.WebSocket, timeout = 30_000, world } = {}) {
    super();
    this.#url = new URL(url, globalThis.location?.href);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    if (typeof token === "function") this.#provider = token;
    else this.#token = token;
    this.#WebSocket = WebSocket;
    this.#timeout = timeout;
    this.#world = world ?? {
      now: () => performance.now(),
      random: Math.random,
      setTimeout: (action, delay) => setTimeout(action, delay),
      clearTimeout: (timer) => clearTimeout(timer),
      window: globalThis.window,
    };
    this.#doors = {
      join: (handle) => this.#join(handle),
      leave: (name) => this.#leave(name),
      position: (name) => positionOf(this.#rooms.get(name)) ?? null,
      publish: (name, data, key) => this.#publish(name, data, key),
      read: (type, room, options) =>
        this.#call({ ...options, type, room }, { room, isRepeated: true }),
    };
  }

  /** `idle`, `connecting`, `open`, `waiting` or `closed`. */
  get state() {
    return this.#state;
  }

  /** What the server said in its `welcome`, or null without an open connection. */
  get welcome() {
    return this.#welcome;
  }

  /** Connects, and stays connected until `close` or a final refusal; ends a wait at once. */
  connect() {
    if (this.#state === "waiting") return void this.#dial();
    if (this.#state !== "idle" && this.#state !== "closed") return;
    this.#failures = this.#refusals = 0;
    const { window } = this.#world;
    for (const type in this.#signals) window?.addEventListener(type, this.#signals[type]);
    this.#dial();
  }

  /** Closes for good, or until `connect`. Calls that wait fail. */
  close() {
    if (this.#state === "closed") return;
    this.#finish(1000, "");
  }

  /** A room to publish into or to read, without joining it. */
  room(name) {
    return this.#rooms.get(name)?.handle ?? new Room(name, this.#doors);
  }

  /** Joins a room, as `room(name).join()`. */
  join(name) {
    return this.room(name).join();
  }

  /** Sends to a user or to one connection: a promise of `delivered`, the connections reached. */
  send(to, data) {
    return this.#call({ type: "send", to, data: data ?? null }, {});
  }

  // MARK: Connecting

  // Makes a connection, beside the one that there is when its node drains.
  async #dial() {
    // One move after the other.
    if (this.#old) return this.#at("state", LINGER, () => this.#dial());
    const attempt = ++this.#attempt;
    const isMove = Boolean(this.#socket);
    // Stands for the socket until there is a token.
    this.#dialled = { close() {} };
    if (!isMove) this.#enter("connecting");
    // A listener may have closed the client.
    if (attempt !== this.#attempt) return;
    this.#at("state", CONNECT, () => this.#giveUp(this.#dialled));
    if (this.#provider && (this.#token === undefined || this.#world.now() >= this.#expiresAt)) {
      try {
        const token = await this.#provider();
        this.#keep(token);
        if (attempt !== this.#attempt) return;
      } catch (problem) {
        if (attempt !== this.#attempt) return;
        if (!problem?.final || this.#socket) return this.#closed(this.#dialled);
        return this.#finish(UNAUTHORIZED, String(problem.message));
      }
    }
    // The second says that marks of binary messages are read.
    const protocols = ["roost.v1.json", "roost.mid"];
    if (this.#token) protocols.push(`bearer.${this.#token}`);
    if (this.#ticket) protocols.push(`roost.ticket.${this.#ticket}`);
    let socket;
    try {
      socket = new this.#WebSocket(this.#url.href, protocols);
    } catch (problem) {
      // No address for a WebSocket, or a token that no header can carry.
      if (this.#socket) return this.#closed(this.#dialled);
      return this.#finish(1008, String(problem.message));
    }
    socket.binaryType = "arraybuffer";
    let isRefused = true;
    socket.onopen = () => {
      isRefused = false;
    };
    socket.onmessage = ({ data }) => {
      if (this.#sockets().includes(socket)) this.#receive(data, socket);
    };
    socket.onclose = ({ code, reason }) => {
      if (!this.#sockets().includes(socket)) return;
      // A page is not told why its upgrade failed: it may have been the token.
      if (isRefused && this.#provider) this.#token = undefined;
      this.#closed(socket, code, reason);
    };
    this.#dialled = socket;
  }

  #sockets() {
    return [this.#socket, this.#dialled, this.#old?.socket];
  }

  #giveUp(socket) {
    socket.close();
    this.#closed(socket, 1006, "");
  }

  #closed(socket, code, reason) {
    if (socket === this.#old?.socket) return this.#endMove();
    const isToken = code === UNAUTHORIZED || code === TOKEN_EXPIRED;
    if (isToken && this.#provider) this.#token = undefined;
    if (socket === this.#dialled) {
      this.#dialled = undefined;
      // A move that comes to nothing: the connection that there is stays to its end.
      if (this.#socket) return this.#noDial();
    }
    if (code === UNAUTHORIZED) this.#refusals += 1;
    if (FINAL.includes(code) || (isToken && (!this.#provider || this.#refusals > 1)))
      return this.#finish(code, reason);
    if (this.#old) return this.#goBack();
    if (this.#welcome && this.#world.now() - this.#openedAt >= STEADY) this.#failures = 0;
    if (code === RATE_LIMITED) this.#failures = Math.max(this.#failures, 5);
    this.#wait(code);
  }

  #wait(code) {
    const delay = this.#isDraining
      ? Math.round(this.#world.random() * JITTER)
      : this.#backOff(this.#failures++);
    this.#letGo();
    // The next connection is on its way already.
    if (this.#dialled) this.#enter("connecting");
    else this.#retry(delay, code);
  }

  #noDial() {
    this.#attempt += 1;
    this.#deadlines.delete("state");
  }

  #retry(delay, code) {
    this.#at("state", delay, () => this.#dial());
    this.#enter("waiting", { retry_in_ms: delay, code });
  }

  // Forgets the connection and all that was true of it only.
  #letGo() {
    this.#socket = undefined;
    this.#welcome = null;
    if (!this.#dialled) this.#noDial();
    this.#asked.clear();
    this.#leaveAll();
    this.#takeBack();
  }

  // Leaves what is true of one connection only. Rooms that the old one of a move is in are kept; those
  // that were kept are in again on the way back.
  #leaveAll({ isMove, isBack } = {}) {
    this.#isDraining = this.#isHeld = this.#isPinged = false;
    for (const name of ["quiet", "auth", "hold"]) this.#deadlines.delete(name);
    for (const room of this.#rooms.values()) {
      const isKept = isMove && room.phase === "in";
      room.phase = isBack && room.isKept ? "in" : "out";
      room.isKept = isKept;
      room.tries = 0;
      room.isDoubtful = false;
      this.#deadlines.delete(room);
    }
  }

  // What a connection that has ended did not answer is asked again, or nobody knows; without one, all.
  #takeBack(socket) {
    for (const call of this.#calls) {
      if (socket && call.socket !== socket) continue;
      if (call.id && !call.isRepeated) this.#settle(call, "unknown", "the connection was lost");
      call.isDoubtful ||= Boolean(call.id);
      this.#again(call);
    }
  }

  #finish(code, reason) {
    for (const socket of this.#sockets()) socket?.close(1000);
    this.#dialled = this.#old = this.#ticket = undefined;
    this.#letGo();
    this.#seen.clear();
    for (const call of [...this.#calls])
      this.#settle(call, call.isDoubtful ? "unknown" : "closed", "the client is closed");
    this.#deadlines.clear();
    this.#world.clearTimeout(this.#timer);
    this.#timerAt = Infinity;
    const { window } = this.#world;
    for (const type in this.#signals) window?.removeEventListener(type, this.#signals[type]);
    this.#enter("closed", { code, reason });
  }

  #enter(state, fields) {
    this.#state = state;
    emit(this, { event: "state", state, ...fields });
  }

  // MARK: Moving

  // Beside the new connection the old one stays until it has brought and answered what it will.
  #look() {
    const { socket } = this.#old;
    const isBusy =
      [...this.#rooms.values()].some((room) => room.isWished && room.isKept && room.phase !== "in") ||
      [...this.#calls].some((call) => call.socket === socket);
    if (isBusy && this.#world.now() < this.#openedAt + MOVE) this.#linger();
    else this.#endMove();
  }

  #linger() {
    if (this.#old) this.#at("old", LINGER, () => this.#look());
  }

  #endMove() {
    if (!this.#old) return;
    const { socket } = this.#old;
    this.#old = undefined;
    this.#deadlines.delete("old");
    socket.close(1000);
    for (const room of this.#rooms.values()) room.isKept &&= room.phase !== "in";
    this.#takeBack(socket);
    emit(this, { event: "moved" });
    this.#pump();
  }

  // The new connection is lost: the old one is still there.
  #goBack() {
    const lost = this.#socket;
    this.#leaveAll({ isBack: true });
    ({ socket: this.#socket, welcome: this.#welcome } = this.#old);
    this.#old = undefined;
    this.#deadlines.delete("old");
    this.#isDraining = true;
    this.#takeBack(lost);
    this.#heard();
    this.#pump();
  }

  // Whether both connections brought it and this is the second time.
  #isDouble(mark) {
    if (mark === undefined) return false;
    const isDouble = this.#seen.has(mark);
    if (this.#seen.add(mark).size > MEMORY_MAX)
      this.#seen.delete(this.#seen.values().next().value);
    this.#at("seen", MEMORY, () => this.#seen.clear());
    return isDouble;
  }

  // MARK: Time

  #backOff(tries, named) {
    const { random } = this.#world;
    const delay =
      named === undefined
        ? random() * Math.min(BACK_OFF_MAX, BACK_OFF * 2 ** tries)
        : named + random() * JITTER;
    return Math.round(delay);
  }

  #at(key, delay, action) {
    const at = this.#world.now() + delay;
    this.#deadlines.set(key, { at, action });
    this.#arm(at);
  }

  // A deadline that moves away leaves the timer as it is: it fires once for nothing.
  #arm(at) {
    if (at >= this.#timerAt) return;
    const { now, setTimeout, clearTimeout } = this.#world;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.min(at - now(), TIMER_MAX)));
  }

  #fire() {
    const now = this.#world.now();
    const wasAsleep = now - this.#timerAt >= LATE;
    this.#timerAt = Infinity;
    // Who slept has heard nothing, which is no silence of the server: it is asked first.
    if (wasAsleep && this.#deadlines.has("quiet")) this.#ping();
    const due = [...this.#deadlines].filter(([, { at }]) => at <= now);
    for (const [key, deadline] of due.sort(([, one], [, other]) => one.at - other.at)) {
      // One before it may have taken it back.
      if (this.#deadlines.get(key) !== deadline) continue;
      this.#deadlines.delete(key);
      deadline.action();
    }
    let next = Infinity;
    for (const { at } of this.#deadlines.values()) next = Math.min(next, at);
    this.#arm(next);
  }

  #heard() {
    this.#isPinged = false;
    const { ping_ms: interval } = this.#welcome ?? {};
    if (interval > 0) this.#at("quiet", interval * 1.5, () => this.#ping());
  }

  #ping() {
    this.#isPinged = true;
    this.#transmit('{"type":"ping"}');
    this.#at("quiet", ANSWER, () => this.#giveUp(this.#socket));
  }

  // What a browser tells.
  #shown = () => {
    const { visibilityState } = this.#world.window.document;
    if (this.#welcome && !this.#isPinged && visibilityState !== "hidden") this.#ping();
  };
  #signals = {
    visibilitychange: this.#shown,
    pageshow: this.#shown,
    online: () => {
      const delay = Math.round(this.#world.random() * JITTER);
      if (this.#state === "waiting" && this.#deadlines.get("state").at > this.#world.now() + delay)
        this.#retry(delay);
    },
  };

  // MARK: Tokens

  #keep(token) {
    this.#token = token;
    this.#expiresAt = Infinity;
  }

  // Replaces the token of the open connection.
  async #renew() {
    if (!this.#provider) return;
    const socket = this.#socket;
    try {
      const token = await this.#provider();
      this.#keep(token);
      if (!this.#welcome || socket !== this.#socket) return;
      this.#ask({ type: "auth", token }, (reply) => {
        if (reply.type === "ok") return (this.#renewals = 0);
        emit(this, { event: "error", code: reply.code, message: reply.message });
        this.#renewLater(reply.retry_after_ms);
      });
    } catch (problem) {
      if (this.#welcome && socket === this.#socket && !problem?.final) this.#renewLater();
    }
  }

  #renewLater(named) {
    this.#at("auth", this.#backOff(this.#renewals++, named), () => this.#renew());
  }

  // MARK: Sending

  #transmit(data) {
    // A socket that is closing takes what is sent and drops it; its close is on the way.
    this.#socket.send(data);
  }

  #ask(request, finish) {
    const id = this.#nextID++;
    this.#asked.set(id, finish);
    this.#transmit(
      typeof request === "string" ? `${request},"id":${id}}` : JSON.stringify({ ...request, id }),
    );
    return id;
  }

  #publish(room, data, key = randomKey()) {
    if (!(data instanceof ArrayBuffer || ArrayBuffer.isView(data))) {
      const request = { type: "publish", room, data: data ?? null, key };
      return this.#call(request, { room, isPublish: true, isRepeated: true });
    }
    const name = encoder.encode(room);
    if (name.length > 255)
      return Promise.reject(new RoostError("bad_request", "no name of a room"));
    const payload = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    const bytes = new Uint8Array(2 + name.length + payload.length);
    bytes.set([1, name.length]);
    bytes.set(name, 2);
    bytes.set(payload, 2 + name.length);
    return this.#call(bytes, { room });
  }

  #call(request, call) {
    return new Promise((resolve, reject) => {
      const isBinary = request instanceof Uint8Array;
      // The text is final here: what the application does to its data afterwards changes nothing.
      call.content = isBinary ? request : JSON.stringify(request).slice(0, -1);
      call.size = isBinary ? request.length : encoder.encode(call.content).length + ID_BYTES;
      Object.assign(call, { resolve, reject, tries: 0 });
      this.#calls.add(call);
      this.#bytes += call.size;
      if (this.#state === "closed") this.#settle(call, "closed", "the client is closed");
      else if (this.#calls.size > WAITING_MAX || this.#bytes > WAITING_BYTES_MAX)
        this.#settle(call, "buffer_full", "too many calls wait");
      else if (this.#fits(call)) {
        this.#at(call, this.#timeout, () => this.#settle(call, "timeout", "no reply in time"));
        this.#pump();
      }
    });
  }

  #fits(call) {
    const isTooLarge = call.size > this.#welcome?.max_message_bytes;
    if (isTooLarge) this.#settle(call, "too_large", "larger than the server takes");
    return !isTooLarge;
  }

  // Ends a call: with a reply, or with a code and a message.
  #settle(call, outcome, message, retryAfterMs) {
    this.#calls.delete(call);
    this.#bytes -= call.size;
    this.#deadlines.delete(call);
    this.#deadlines.delete(call.resolve);
    this.#asked.delete(call.id);
    if (message === undefined) call.resolve(outcome);
    else call.reject(new RoostError(outcome, message, retryAfterMs));
  }

  // Lets a call be sent once more, at once.
  #again(call) {
    this.#asked.delete(call.id);
    call.id = call.socket = undefined;
    call.isDelayed = false;
    this.#deadlines.delete(call.resolve);
  }

  // Sends what may be sent: joins, then calls in their order.
  #pump() {
    for (const room of this.#rooms.values()) {
      const isToJoin = room.isWished && (room.phase === "out" || room.isDoubtful);
      if (isToJoin && this.#maySend() && !this.#deadlines.has(room))
        this.#askToJoin(room, room.phase === "joining");
    }
    for (const call of [...this.#calls]) {
      if (!this.#maySend()) return;
      const room = this.#rooms.get(call.room);
      // Who may publish or read is judged by who is a member then.
      if (call.id || call.isDelayed || (room?.isWished && room.phase !== "in")) continue;
      if (typeof call.content === "string") {
        call.id = this.#ask(call.content, (reply) => this.#answered(call, reply));
        call.socket = this.#socket;
      } else {
        this.#transmit(call.content);
        this.#settle(call, {});
      }
    }
  }

  #maySend() {
    return this.#welcome && !this.#isHeld && this.#asked.size < UNANSWERED_MAX;
  }

  #answered(call, { type, id, code, message, retry_after_ms: named, ...fields }) {
    if (type !== "error") return this.#settle(call, fields);
    if (!call.isPublish || !REPEATED.includes(code))
      return this.#settle(call, code, message ?? "", named);
    call.isDoubtful ||= code === "unknown" || code === "internal";
    this.#again(call);
    // With `rate_limited` all wait, and the call is one of them.
    if (code === "rate_limited") return;
    call.isDelayed = true;
    this.#at(call.resolve, this.#backOff(call.tries++, named), () => {
      call.isDelayed = false;
      this.#pump();
    });
  }

  // An error without an id says that a message was dropped and not which: what can be repeated is.
  #askAgain() {
    for (const call of this.#calls) {
      if (call.id && call.isRepeated) this.#again(call);
    }
    for (const room of this.#rooms.values()) room.isDoubtful = room.phase === "joining";
  }

  #hold(named) {
    this.#isHeld = true;
    this.#at("hold", this.#backOff(0, named), () => {
      this.#isHeld = false;
      this.#pump();
    });
  }

  // MARK: Rooms

  // What is known of a room: its phase (out, joining, in), whether it was ever joined or given, the
  // position of the last message taken, whether a gap was told since, and whether the old connection
  // of a move is in it.
  #entry(name, handle = new Room(name, this.#doors)) {
    if (!this.#rooms.has(name)) this.#rooms.set(name, { name, handle, phase: "out", tries: 0 });
    return this.#rooms.get(name);
  }

  #join(handle) {
    const room = this.#entry(handle.name, handle);
    if (room.isWished) return;
    room.isWished = true;
    if (room.phase === "in") this.#tell(room, "room", { state: "joined" });
    this.#pump();
  }

  #leave(name) {
    const room = this.#rooms.get(name);
    if (!room) return;
    this.#rooms.delete(name);
    this.#deadlines.delete(room);
    if (room.phase !== "out") this.#askToLeave(room);
    room.phase = "left";
    this.#pump();
  }

  #askToLeave({ name }) {
    this.#ask({ type: "leave", room: name }, ({ code, retry_after_ms: named }) => {
      if (code !== "rate_limited") return;
      // The server still sends the room's messages, which are dropped here.
      this.#at({}, this.#backOff(0, named), () => {
        if (this.#welcome && !this.#rooms.has(name)) this.#askToLeave({ name });
      });
    });
  }

  #askToJoin(room, isRepeated) {
    const since = positionOf(room);
    const socket = this.#socket;
    room.phase = "joining";
    room.isDoubtful = false;
    const id = this.#ask({ type: "join", room: room.name, since }, (reply) => {
      // Two joins were sent when one seemed dropped; the one that came second is refused.
      // What the old connection answers says nothing of the new one.
      if (room.phase !== "joining" || socket !== this.#socket) return;
      if (isRepeated && reply.code === "bad_request") return;
      this.#asked.delete(room.joinID);
      if (reply.type === "error") this.#refused(room, reply);
      else this.#joined(room, reply, since);
      this.#pump();
    });
    if (!isRepeated) room.joinID = id;
  }

  #joined(room, { members, epoch, offset, recovered, degraded }, since) {
    const { wasIn: isAgain, isKept } = room;
    Object.assign(room, { phase: "in", wasIn: true, tries: 0, isKept: Boolean(isKept && this.#old) });
    // What the old connection brought and brings is not missing.
    const isWhole = recovered || (isKept && epoch === room.epoch && offset <= room.offset);
    if (!since || !isWhole) Object.assign(room, { epoch, offset });
    // The log may have gone on in another life, which messages behind this need not say again.
    else room.epoch = epoch;
    this.#linger();
    if (!isKept) this.#tell(room, "room", { state: "joined", members, recovered, degraded });
    if (room.phase !== "in") return;
    if (since && epoch !== undefined) {
      if (!isWhole) this.#tell(room, "reset", { epoch, offset });
    } else if (isAgain && !room.isKept) this.#tell(room, "gap");
  }

  #refused(room, { code, retry_after_ms: named }) {
    room.phase = "out";
    if (code === "rate_limited") return;
    if (REPEATED.includes(code))
      return this.#at(room, this.#backOff(room.tries++, named), () => this.#pump());
    this.#rooms.delete(room.name);
    this.#tell(room, "room", { state: "failed", error: code });
  }

  #tell(room, event, fields) {
    const told = { event, room: room.name, ...fields };
    emit(room.handle, told);
    emit(this, told);
  }

  // Whether a message is a new one, to be handed over; moves the position and tells a hole. Of a room
  // that the new connection is in, too, the old one brings only what is sure to be neither twice nor
  // too early.
  #takes(room, isOld, offset, epoch, mid) {
    const isLate = isOld && room.phase === "in";
    if (offset === undefined) {
      if (isLate && !(mid && this.#welcome.resumed)) return false;
      if (this.#isDouble(mid)) return false;
    } else {
      if (epoch !== undefined && epoch !== room.epoch) room.epoch = epoch;
      else if (offset <= room.offset) return false;
      else if (offset > room.offset + 1) {
        if (isLate) return false;
        if (!room.hasGap) this.#tell(room, "gap");
      }
      room.offset = offset;
    }
    room.hasGap = false;
    return room.phase !== "left";
  }

  // MARK: Receiving

  #receive(data, socket) {
    const isOld = socket === this.#old?.socket;
    if (socket === this.#socket) this.#heard();
    if (typeof data !== "string") return this.#receiveBinary(new Uint8Array(data), isOld);
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    const { event, type, id, mid, ...fields } = message ?? {};
    if (socket === this.#dialled) return type === "welcome" ? this.#open(fields) : undefined;
    if (type === "error" && fields.code === "rate_limited" && !isOld) {
      if (id === undefined) this.#askAgain();
      this.#hold(fields.retry_after_ms);
    }
    if (id !== undefined) {
      const finish = this.#asked.get(id);
      this.#asked.delete(id);
      finish?.(message);
      this.#pump();
    } else if (type === "direct") {
      if (!this.#isDouble(mid)) emit(this, { event: type, ...fields });
    } else if (type === "error")
      emit(this, { event: type, code: fields.code, message: fields.message });
    else if (fields.room !== undefined && type !== "added")
      this.#receiveInRoom(this.#rooms.get(fields.room), isOld, type, mid, fields);
    else if (isOld) return;
    else if (type === "added") this.#added(fields);
    else if (type === "expiring") {
      this.#expiresAt = this.#world.now() + fields.in_ms;
      this.#renew();
    } else if (type === "draining") {
      this.#isDraining = true;
      const { reconnect_after_ms: delay } = fields;
      const ticket = ticketOf(fields);
      this.#ticket = ticket ?? this.#ticket;
      if (ticket && !this.#dialled) this.#at("state", Number(delay) || 0, () => this.#dial());
      emit(this, { event: type, reconnect_after_ms: delay });
    }
  }

  #open(welcome) {
    const old = this.#socket && { socket: this.#socket, welcome: this.#welcome };
    if (old) this.#leaveAll({ isMove: true });
    this.#old = old;
    this.#socket = this.#dialled;
    this.#dialled = undefined;
    this.#welcome = welcome;
    this.#ticket = ticketOf(welcome);
    this.#deadlines.delete("state");
    this.#openedAt = this.#world.now();
    this.#refusals = this.#renewals = 0;
    this.#heard();
    for (const call of this.#calls) this.#fits(call);
    if (old) this.#linger();
    else this.#enter("open");
    this.#pump();
  }

  #receiveInRoom(room, isOld, type, mid, { room: name, epoch, ...fields }) {
    if (isOld ? !room?.isKept : room?.phase !== "in") return;
    if (type === "message") {
      if (this.#takes(room, isOld, fields.offset, epoch, mid)) this.#tell(room, type, fields);
    } else if (type === "removed") {
      const gone = { phase: "out", isWished: false, isKept: false, wasIn: false, epoch: undefined };
      Object.assign(room, gone);
      this.#tell(room, type, fields);
    } else if (type === "joined" || type === "left") {
      const marks = ["joined", "left"].map((what) => `${what} ${name} ${fields.member?.connection}`);
      const [mark, other] = type === "left" ? marks.reverse() : marks;
      if (this.#old && this.#isDouble(mark)) return;
      this.#seen.delete(other);
      this.#tell(room, type, fields);
    } else if (isOld && room.phase === "in") return;
    else if (type === "gap") {
      room.hasGap = true;
      this.#tell(room, type);
    } else if (type === "reset") {
      Object.assign(room, { epoch, offset: fields.offset, hasGap: false });
      this.#tell(room, type, { epoch, ...fields });
    } else if (HANDED_ON.includes(type)) this.#tell(room, type, fields);
  }

  // A membership that the server gives ends with the connection, and it is the server's to renew.
  #added({ room: name, epoch, offset }) {
    const room = this.#entry(name);
    // On a move nothing changes; the old connection may still bring something.
    if (room.isKept && epoch === room.epoch) return void (room.phase = "in");
    const wasJoining = room.phase === "joining";
    const isWhereItWas = epoch !== undefined && epoch === room.epoch && offset === room.offset;
    const isMissing = room.wasIn && !isWhereItWas;
    Object.assign(room, { phase: "in", wasIn: true, epoch, offset });
    this.#tell(room, "added");
    // The join that is on its way will be refused, because the connection is in the room.
    if (wasJoining) this.#tell(room, "room", { state: "joined" });
    if (isMissing) this.#tell(room, "gap");
  }

  // Version 1, flags, length of the name, the name, with flag 1 the offset, with flag 2 the mark, the
  // payload.
  #receiveBinary(bytes, isOld) {
    const [version, flags, length] = bytes;
    const hasOffset = flags & 1;
    const hasMid = (flags >> 1) & 1;
    const start = 3 + length + 8 * (hasOffset + hasMid);
    if (version !== 1 || !(bytes.length >= start)) return;
    let room;
    try {
      room = this.#rooms.get(decoder.decode(bytes.subarray(3, 3 + length)));
    } catch {
      return;
    }
    if (isOld ? !room?.isKept : room?.phase !== "in") return;
    const numbers = new DataView(bytes.buffer);
    const offset = hasOffset ? Number(numbers.getBigUint64(3 + length)) : undefined;
    const mid = hasMid ? numbers.getBigUint64(start - 8).toString(16) : undefined;
    if (this.#takes(room, isOld, offset, undefined, mid))
      this.#tell(room, "binary", { data: bytes.slice(start), offset });
  }
}

function positionOf({ epoch, offset } = {}) {
  return epoch === undefined ? undefined : { epoch, offset };
}

function ticketOf({ ticket }) {
  return TICKET.test(ticket ?? "") ? ticket : undefined;
}

// A key that no other publish has; `crypto.randomUUID` is not there in pages without TLS.
function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

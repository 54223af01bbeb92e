// swift-format-ignore-file
// The client for JavaScript as two strings, because resources of a package would pull in Foundation.
// Written by ops/pages from roost.js, without its comments and indentation and with short names of its
// own, and from roost.d.ts; those
// are the files to edit. A test compares them.

/// The module `roost.js` and its types, served under these names on both ports.
public enum ClientScript {
  /// The media type to serve the module with.
  public static let contentType = "text/javascript; charset=utf-8"

  /// The media type to serve the types with.
  public static let typesContentType = "text/plain; charset=utf-8"

  /// The entity tag of the module, quotes included (RFC 9110, 8.8.3).
  public static let entityTag = "\"fbee973f20954f0c\""

  /// The entity tag of the types.
  public static let typesEntityTag = "\"414cc046c6bc80cc\""

  /// The module, UTF-8, 20140 bytes, 6107 of them after gzip -9.
  public static let module = ##"""
const y = 500;
const z = 30_000;
const i = 1_000;
const A = 10_000;
const B = 10_000;
const C = 10_000;
const D = 5_000;
const m = 250;
const E = 5_000;
const F = 60_000;
const G = 2_000_000_000;
const H = 100;
const I = 1_000;
const J = 4 << 20;
const K = 24;
const L = 512;
const j = 4001;
const M = 4002;
const N = 4004;
const O = [1000, 1002, 1003, 1007, 1008, 1009, 4003, 4006, 4007];
const n = ["unavailable", "unknown", "internal", "rate_limited"];
const P = ["members", "presence_reset"];
const Q = /^[\w-]{1,600}$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
export class RoostError extends Error {
constructor(code, message, retryAfterMs) {
super(message || code);
this.name = "RoostError";
this.code = code;
this.retryAfterMs = retryAfterMs;
}
}
let emit;
class Listeners {
#J = new Map();
static {
emit = (target, event) => {
for (const listener of [...(target.#J.get(event.event) ?? [])]) {
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
on(event, listener) {
const listeners = this.#J.get(event) ?? new Set();
this.#J.set(event, listeners.add(listener));
return () => listeners.delete(listener);
}
}
class Room extends Listeners {
#p;
constructor(name, client) {
super();
this.name = name;
this.#p = client;
}
get position() {
return this.#p.position(this.name);
}
join() {
this.#p.join(this);
return this;
}
leave() {
this.#p.leave(this.name);
}
publish(data, { key } = {}) {
return this.#p.publish(this.name, data, key);
}
history(options) {
return this.#p.read("history", this.name, options);
}
presence(options) {
return this.#p.read("presence", this.name, options);
}
}
export class Roost extends Listeners {
#z;
#m;
#Z;
#aa;
#c;
#K;
#n = "idle";
#a;
#h = null;
#u = 0;
#g;
#e;
#s;
#q = new Set();
#L;
#v = 0;
#A = false;
#B = false;
#r;
#M = Infinity;
#C = 0;
#N = 0;
#b = new Map();
#O;
#w = Infinity;
#d = new Map();
#k = new Set();
#P = 0;
#o = new Map();
#aq = 1;
#D = false;
constructor(url, { token, WebSocket = globalThis.WebSocket, timeout = 30_000, world } = {}) {
super();
this.#z = new URL(url, globalThis.location?.href);
this.#z.protocol = this.#z.protocol.replace("http", "ws");
if (typeof token === "function") this.#m = token;
else this.#r = token;
this.#Z = WebSocket;
this.#aa = timeout;
this.#c = world ?? {
now: () => performance.now(),
random: Math.random,
setTimeout: (action, delay) => setTimeout(action, delay),
clearTimeout: (timer) => clearTimeout(timer),
window: globalThis.window,
};
this.#K = {
join: (handle) => this.#ar(handle),
leave: (name) => this.#as(name),
position: (name) => positionOf(this.#d.get(name)) ?? null,
publish: (name, data, key) => this.#at(name, data, key),
read: (type, room, options) =>
this.#E({ ...options, type, room }, { room, d: true }),
};
}
get state() {
return this.#n;
}
get welcome() {
return this.#h;
}
connect() {
if (this.#n === "waiting") return void this.#x();
if (this.#n !== "idle" && this.#n !== "closed") return;
this.#v = this.#C = 0;
const { window } = this.#c;
for (const type in this.#F) window?.addEventListener(type, this.#F[type]);
this.#x();
}
close() {
if (this.#n === "closed") return;
this.#G(1000, "");
}
room(name) {
return this.#d.get(name)?.handle ?? new Room(name, this.#K);
}
join(name) {
return this.room(name).join();
}
send(to, data) {
return this.#E({ type: "send", to, data: data ?? null }, {});
}
async #x() {
if (this.#e) return this.#i("state", m, () => this.#x());
const attempt = ++this.#u;
const g = Boolean(this.#a);
this.#g = { close() {} };
if (!g) this.#y("connecting");
if (attempt !== this.#u) return;
this.#i("state", A, () => this.#ab(this.#g));
if (this.#m && (this.#r === undefined || this.#c.now() >= this.#M)) {
try {
const token = await this.#m();
this.#ac(token);
if (attempt !== this.#u) return;
} catch (problem) {
if (attempt !== this.#u) return;
if (!problem?.final || this.#a) return this.#H(this.#g);
return this.#G(j, String(problem.message));
}
}
const protocols = ["roost.v1.json", "roost.mid"];
if (this.#r) protocols.push(`bearer.${this.#r}`);
if (this.#s) protocols.push(`roost.ticket.${this.#s}`);
let socket;
try {
socket = new this.#Z(this.#z.href, protocols);
} catch (problem) {
if (this.#a) return this.#H(this.#g);
return this.#G(1008, String(problem.message));
}
socket.binaryType = "arraybuffer";
let o = true;
socket.onopen = () => {
o = false;
};
socket.onmessage = ({ data }) => {
if (this.#Q().includes(socket)) this.#au(data, socket);
};
socket.onclose = ({ code, reason }) => {
if (!this.#Q().includes(socket)) return;
if (o && this.#m) this.#r = undefined;
this.#H(socket, code, reason);
};
this.#g = socket;
}
#Q() {
return [this.#a, this.#g, this.#e?.socket];
}
#ab(socket) {
socket.close();
this.#H(socket, 1006, "");
}
#H(socket, code, reason) {
if (socket === this.#e?.socket) return this.#ad();
const p = code === j || code === M;
if (p && this.#m) this.#r = undefined;
if (socket === this.#g) {
this.#g = undefined;
if (this.#a) return this.#ae();
}
if (code === j) this.#C += 1;
if (O.includes(code) || (p && (!this.#m || this.#C > 1)))
return this.#G(code, reason);
if (this.#e) return this.#av();
if (this.#h && this.#c.now() - this.#L >= B) this.#v = 0;
if (code === N) this.#v = Math.max(this.#v, 5);
this.#aw(code);
}
#aw(code) {
const delay = this.#A
? Math.round(this.#c.random() * i)
: this.#t(this.#v++);
this.#af();
if (this.#g) this.#y("connecting");
else this.#ag(delay, code);
}
#ae() {
this.#u += 1;
this.#b.delete("state");
}
#ag(delay, code) {
this.#i("state", delay, () => this.#x());
this.#y("waiting", { retry_in_ms: delay, code });
}
#af() {
this.#a = undefined;
this.#h = null;
if (!this.#g) this.#ae();
this.#o.clear();
this.#R();
this.#S();
}
#R({ g, q } = {}) {
this.#A = this.#D = this.#B = false;
for (const name of ["quiet", "auth", "hold"]) this.#b.delete(name);
for (const room of this.#d.values()) {
const b = g && room.phase === "in";
room.phase = q && room.b ? "in" : "out";
room.b = b;
room.tries = 0;
room.e = false;
this.#b.delete(room);
}
}
#S(socket) {
for (const call of this.#k) {
if (socket && call.socket !== socket) continue;
if (call.id && !call.d) this.#l(call, "unknown", "the connection was lost");
call.e ||= Boolean(call.id);
this.#T(call);
}
}
#G(code, reason) {
for (const socket of this.#Q()) socket?.close(1000);
this.#g = this.#e = this.#s = undefined;
this.#af();
this.#q.clear();
for (const call of [...this.#k])
this.#l(call, call.e ? "unknown" : "closed", "the client is closed");
this.#b.clear();
this.#c.clearTimeout(this.#O);
this.#w = Infinity;
const { window } = this.#c;
for (const type in this.#F) window?.removeEventListener(type, this.#F[type]);
this.#y("closed", { code, reason });
}
#y(state, fields) {
this.#n = state;
emit(this, { event: "state", state, ...fields });
}
#ax() {
const { socket } = this.#e;
const R =
[...this.#d.values()].some((room) => room.f && room.b && room.phase !== "in") ||
[...this.#k].some((call) => call.socket === socket);
if (R && this.#c.now() < this.#L + E) this.#U();
else this.#ad();
}
#U() {
if (this.#e) this.#i("old", m, () => this.#ax());
}
#ad() {
if (!this.#e) return;
const { socket } = this.#e;
this.#e = undefined;
this.#b.delete("old");
socket.close(1000);
for (const room of this.#d.values()) room.b &&= room.phase !== "in";
this.#S(socket);
emit(this, { event: "moved" });
this.#j();
}
#av() {
const lost = this.#a;
this.#R({ q: true });
({ socket: this.#a, welcome: this.#h } = this.#e);
this.#e = undefined;
this.#b.delete("old");
this.#A = true;
this.#S(lost);
this.#V();
this.#j();
}
#W(mark) {
if (mark === undefined) return false;
const S = this.#q.has(mark);
if (this.#q.add(mark).size > L)
this.#q.delete(this.#q.values().next().value);
this.#i("seen", F, () => this.#q.clear());
return S;
}
#t(tries, named) {
const { random } = this.#c;
const delay =
named === undefined
? random() * Math.min(z, y * 2 ** tries)
: named + random() * i;
return Math.round(delay);
}
#i(key, delay, action) {
const at = this.#c.now() + delay;
this.#b.set(key, { at, action });
this.#ah(at);
}
#ah(at) {
if (at >= this.#w) return;
const { now, setTimeout, clearTimeout } = this.#c;
clearTimeout(this.#O);
this.#w = at;
this.#O = setTimeout(() => this.#ay(), Math.max(0, Math.min(at - now(), G)));
}
#ay() {
const now = this.#c.now();
const T = now - this.#w >= D;
this.#w = Infinity;
if (T && this.#b.has("quiet")) this.#X();
const due = [...this.#b].filter(([, { at }]) => at <= now);
for (const [key, deadline] of due.sort(([, one], [, other]) => one.at - other.at)) {
if (this.#b.get(key) !== deadline) continue;
this.#b.delete(key);
deadline.action();
}
let next = Infinity;
for (const { at } of this.#b.values()) next = Math.min(next, at);
this.#ah(next);
}
#V() {
this.#B = false;
const { ping_ms: interval } = this.#h ?? {};
if (interval > 0) this.#i("quiet", interval * 1.5, () => this.#X());
}
#X() {
this.#B = true;
this.#Y('{"type":"ping"}');
this.#i("quiet", C, () => this.#ab(this.#a));
}
#ai = () => {
const { visibilityState } = this.#c.window.document;
if (this.#h && !this.#B && visibilityState !== "hidden") this.#X();
};
#F = {
visibilitychange: this.#ai,
pageshow: this.#ai,
online: () => {
const delay = Math.round(this.#c.random() * i);
if (this.#n === "waiting" && this.#b.get("state").at > this.#c.now() + delay)
this.#ag(delay);
},
};
#ac(token) {
this.#r = token;
this.#M = Infinity;
}
async #aj() {
if (!this.#m) return;
const socket = this.#a;
try {
const token = await this.#m();
this.#ac(token);
if (!this.#h || socket !== this.#a) return;
this.#I({ type: "auth", token }, (reply) => {
if (reply.type === "ok") return (this.#N = 0);
emit(this, { event: "error", code: reply.code, message: reply.message });
this.#ak(reply.retry_after_ms);
});
} catch (problem) {
if (this.#h && socket === this.#a && !problem?.final) this.#ak();
}
}
#ak(named) {
this.#i("auth", this.#t(this.#N++, named), () => this.#aj());
}
#Y(data) {
this.#a.send(data);
}
#I(request, finish) {
const id = this.#aq++;
this.#o.set(id, finish);
this.#Y(
typeof request === "string" ? `${request},"id":${id}}` : JSON.stringify({ ...request, id }),
);
return id;
}
#at(room, data, key = randomKey()) {
if (!(data instanceof ArrayBuffer || ArrayBuffer.isView(data))) {
const request = { type: "publish", room, data: data ?? null, key };
return this.#E(request, { room, U: true, d: true });
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
return this.#E(bytes, { room });
}
#E(request, call) {
return new Promise((resolve, reject) => {
const r = request instanceof Uint8Array;
call.content = r ? request : JSON.stringify(request).slice(0, -1);
call.size = r ? request.length : encoder.encode(call.content).length + K;
Object.assign(call, { resolve, reject, tries: 0 });
this.#k.add(call);
this.#P += call.size;
if (this.#n === "closed") this.#l(call, "closed", "the client is closed");
else if (this.#k.size > I || this.#P > J)
this.#l(call, "buffer_full", "too many calls wait");
else if (this.#al(call)) {
this.#i(call, this.#aa, () => this.#l(call, "timeout", "no reply in time"));
this.#j();
}
});
}
#al(call) {
const s = call.size > this.#h?.max_message_bytes;
if (s) this.#l(call, "too_large", "larger than the server takes");
return !s;
}
#l(call, outcome, message, retryAfterMs) {
this.#k.delete(call);
this.#P -= call.size;
this.#b.delete(call);
this.#b.delete(call.resolve);
this.#o.delete(call.id);
if (message === undefined) call.resolve(outcome);
else call.reject(new RoostError(outcome, message, retryAfterMs));
}
#T(call) {
this.#o.delete(call.id);
call.id = call.socket = undefined;
call.k = false;
this.#b.delete(call.resolve);
}
#j() {
for (const room of this.#d.values()) {
const V = room.f && (room.phase === "out" || room.e);
if (V && this.#am() && !this.#b.has(room))
this.#az(room, room.phase === "joining");
}
for (const call of [...this.#k]) {
if (!this.#am()) return;
const room = this.#d.get(call.room);
if (call.id || call.k || (room?.f && room.phase !== "in")) continue;
if (typeof call.content === "string") {
call.id = this.#I(call.content, (reply) => this.#aA(call, reply));
call.socket = this.#a;
} else {
this.#Y(call.content);
this.#l(call, {});
}
}
}
#am() {
return this.#h && !this.#D && this.#o.size < H;
}
#aA(call, { type, id, code, message, retry_after_ms: named, ...fields }) {
if (type !== "error") return this.#l(call, fields);
if (!call.U || !n.includes(code))
return this.#l(call, code, message ?? "", named);
call.e ||= code === "unknown" || code === "internal";
this.#T(call);
if (code === "rate_limited") return;
call.k = true;
this.#i(call.resolve, this.#t(call.tries++, named), () => {
call.k = false;
this.#j();
});
}
#aB() {
for (const call of this.#k) {
if (call.id && call.d) this.#T(call);
}
for (const room of this.#d.values()) room.e = room.phase === "joining";
}
#aC(named) {
this.#D = true;
this.#i("hold", this.#t(0, named), () => {
this.#D = false;
this.#j();
});
}
#an(name, handle = new Room(name, this.#K)) {
if (!this.#d.has(name)) this.#d.set(name, { name, handle, phase: "out", tries: 0 });
return this.#d.get(name);
}
#ar(handle) {
const room = this.#an(handle.name, handle);
if (room.f) return;
room.f = true;
if (room.phase === "in") this.#f(room, "room", { state: "joined" });
this.#j();
}
#as(name) {
const room = this.#d.get(name);
if (!room) return;
this.#d.delete(name);
this.#b.delete(room);
if (room.phase !== "out") this.#ao(room);
room.phase = "left";
this.#j();
}
#ao({ name }) {
this.#I({ type: "leave", room: name }, ({ code, retry_after_ms: named }) => {
if (code !== "rate_limited") return;
this.#i({}, this.#t(0, named), () => {
if (this.#h && !this.#d.has(name)) this.#ao({ name });
});
});
}
#az(room, d) {
const since = positionOf(room);
const socket = this.#a;
room.phase = "joining";
room.e = false;
const id = this.#I({ type: "join", room: room.name, since }, (reply) => {
if (room.phase !== "joining" || socket !== this.#a) return;
if (d && reply.code === "bad_request") return;
this.#o.delete(room.joinID);
if (reply.type === "error") this.#aD(room, reply);
else this.#aE(room, reply, since);
this.#j();
});
if (!d) room.joinID = id;
}
#aE(room, { members, epoch, offset, recovered, degraded }, since) {
const { h: W, b } = room;
Object.assign(room, { phase: "in", h: true, tries: 0, b: Boolean(b && this.#e) });
const t = recovered || (b && epoch === room.epoch && offset <= room.offset);
if (!since || !t) Object.assign(room, { epoch, offset });
else room.epoch = epoch;
this.#U();
if (!b) this.#f(room, "room", { state: "joined", members, recovered, degraded });
if (room.phase !== "in") return;
if (since && epoch !== undefined) {
if (!t) this.#f(room, "reset", { epoch, offset });
} else if (W && !room.b) this.#f(room, "gap");
}
#aD(room, { code, retry_after_ms: named }) {
room.phase = "out";
if (code === "rate_limited") return;
if (n.includes(code))
return this.#i(room, this.#t(room.tries++, named), () => this.#j());
this.#d.delete(room.name);
this.#f(room, "room", { state: "failed", error: code });
}
#f(room, event, fields) {
const told = { event, room: room.name, ...fields };
emit(room.handle, told);
emit(this, told);
}
#ap(room, c, offset, epoch, mid) {
const u = c && room.phase === "in";
if (offset === undefined) {
if (u && !(mid && this.#h.resumed)) return false;
if (this.#W(mid)) return false;
} else {
if (epoch !== undefined && epoch !== room.epoch) room.epoch = epoch;
else if (offset <= room.offset) return false;
else if (offset > room.offset + 1) {
if (u) return false;
if (!room.l) this.#f(room, "gap");
}
room.offset = offset;
}
room.l = false;
return room.phase !== "left";
}
#au(data, socket) {
const c = socket === this.#e?.socket;
if (socket === this.#a) this.#V();
if (typeof data !== "string") return this.#aF(new Uint8Array(data), c);
let message;
try {
message = JSON.parse(data);
} catch {
return;
}
const { event, type, id, mid, ...fields } = message ?? {};
if (socket === this.#g) return type === "welcome" ? this.#aG(fields) : undefined;
if (type === "error" && fields.code === "rate_limited" && !c) {
if (id === undefined) this.#aB();
this.#aC(fields.retry_after_ms);
}
if (id !== undefined) {
const finish = this.#o.get(id);
this.#o.delete(id);
finish?.(message);
this.#j();
} else if (type === "direct") {
if (!this.#W(mid)) emit(this, { event: type, ...fields });
} else if (type === "error")
emit(this, { event: type, code: fields.code, message: fields.message });
else if (fields.room !== undefined && type !== "added")
this.#aH(this.#d.get(fields.room), c, type, mid, fields);
else if (c) return;
else if (type === "added") this.#aI(fields);
else if (type === "expiring") {
this.#M = this.#c.now() + fields.in_ms;
this.#aj();
} else if (type === "draining") {
this.#A = true;
const { reconnect_after_ms: delay } = fields;
const ticket = ticketOf(fields);
this.#s = ticket ?? this.#s;
if (ticket && !this.#g) this.#i("state", Number(delay) || 0, () => this.#x());
emit(this, { event: type, reconnect_after_ms: delay });
}
}
#aG(welcome) {
const old = this.#a && { socket: this.#a, welcome: this.#h };
if (old) this.#R({ g: true });
this.#e = old;
this.#a = this.#g;
this.#g = undefined;
this.#h = welcome;
this.#s = ticketOf(welcome);
this.#b.delete("state");
this.#L = this.#c.now();
this.#C = this.#N = 0;
this.#V();
for (const call of this.#k) this.#al(call);
if (old) this.#U();
else this.#y("open");
this.#j();
}
#aH(room, c, type, mid, { room: name, epoch, ...fields }) {
if (c ? !room?.b : room?.phase !== "in") return;
if (type === "message") {
if (this.#ap(room, c, fields.offset, epoch, mid)) this.#f(room, type, fields);
} else if (type === "removed") {
const gone = { phase: "out", f: false, b: false, h: false, epoch: undefined };
Object.assign(room, gone);
this.#f(room, type, fields);
} else if (type === "joined" || type === "left") {
const marks = ["joined", "left"].map((what) => `${what} ${name} ${fields.member?.connection}`);
const [mark, other] = type === "left" ? marks.reverse() : marks;
if (this.#e && this.#W(mark)) return;
this.#q.delete(other);
this.#f(room, type, fields);
} else if (c && room.phase === "in") return;
else if (type === "gap") {
room.l = true;
this.#f(room, type);
} else if (type === "reset") {
Object.assign(room, { epoch, offset: fields.offset, l: false });
this.#f(room, type, { epoch, ...fields });
} else if (P.includes(type)) this.#f(room, type, fields);
}
#aI({ room: name, epoch, offset }) {
const room = this.#an(name);
if (room.b && epoch === room.epoch) return void (room.phase = "in");
const X = room.phase === "joining";
const Y = epoch !== undefined && epoch === room.epoch && offset === room.offset;
const Z = room.h && !Y;
Object.assign(room, { phase: "in", h: true, epoch, offset });
this.#f(room, "added");
if (X) this.#f(room, "room", { state: "joined" });
if (Z) this.#f(room, "gap");
}
#aF(bytes, c) {
const [version, flags, length] = bytes;
const v = flags & 1;
const x = (flags >> 1) & 1;
const start = 3 + length + 8 * (v + x);
if (version !== 1 || !(bytes.length >= start)) return;
let room;
try {
room = this.#d.get(decoder.decode(bytes.subarray(3, 3 + length)));
} catch {
return;
}
if (c ? !room?.b : room?.phase !== "in") return;
const numbers = new DataView(bytes.buffer);
const offset = v ? Number(numbers.getBigUint64(3 + length)) : undefined;
const mid = x ? numbers.getBigUint64(start - 8).toString(16) : undefined;
if (this.#ap(room, c, offset, undefined, mid))
this.#f(room, "binary", { data: bytes.slice(start), offset });
}
}
function positionOf({ epoch, offset } = {}) {
return epoch === undefined ? undefined : { epoch, offset };
}
function ticketOf({ ticket }) {
return Q.test(ticket ?? "") ? ticket : undefined;
}
function randomKey() {
const bytes = crypto.getRandomValues(new Uint8Array(16));
return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
"""##

  /// The types, UTF-8, 6299 bytes.
  public static let types = ##"""
// The types of roost.js.

/** A place in a room's log. */
export interface Position {
  epoch: string;
  offset: number;
}

/** Who a connection is; without `user` it is anonymous. */
export interface Member {
  connection: string;
  user?: string;
  /** What the token says of the user, in the answers of `presence`. */
  info?: unknown;
}

/** What the server says of a connection as the first thing. */
export interface Welcome {
  connection: string;
  node: string;
  user?: string;
  /** Milliseconds between two pings of the server; 0: it sends none. */
  ping_ms: number;
  max_message_bytes: number;
  version: string;
  [field: string]: unknown;
}

export type State = "idle" | "connecting" | "open" | "waiting" | "closed";

/** The codes of the protocol, and those of this client: `timeout`, `buffer_full`, `closed`. */
export type ErrorCode =
  | "bad_request" | "unknown_type" | "unauthorized" | "token_expired" | "forbidden" | "not_joined"
  | "limit_exceeded" | "rate_limited" | "too_large" | "unavailable" | "unknown" | "internal"
  | "timeout" | "buffer_full" | "closed" | (string & {});

/** What happens in rooms: told to the room and to the client. */
export interface RoomEvents {
  /**
   * The room was joined, or the join failed for good. `recovered`: whether nothing was missed;
   * `degraded`: the node cannot reach the others at the moment.
   */
  room: {
    event: "room"; room: string; state: "joined" | "failed";
    members?: number; recovered?: boolean; degraded?: boolean; error?: ErrorCode;
  };
  message: {
    event: "message"; room: string; data: any; offset?: number; from?: Member;
    /** Milliseconds since 1970. */
    time?: number;
  };
  binary: { event: "binary"; room: string; data: Uint8Array; offset?: number };
  /** Messages may have been missed here. */
  gap: { event: "gap"; room: string };
  /** Messages were missed and cannot be had: load your state anew. */
  reset: { event: "reset"; room: string; epoch: string; offset: number };
  joined: { event: "joined"; room: string; member: Member };
  left: { event: "left"; room: string; member: Member };
  /** In place of `joined` and `left` in large rooms. */
  members: { event: "members"; room: string; count: number };
  /** Events of presence may have been missed: read presence again. */
  presence_reset: { event: "presence_reset"; room: string };
  /** The server joined this connection to the room. */
  added: { event: "added"; room: string };
  /** The server took this connection out of the room, which is not joined again. */
  removed: { event: "removed"; room: string; code: number };
}

export interface RoostEvents extends RoomEvents {
  /** `waiting` has `retry_in_ms`; `code` is the close that led here; `closed` has a `reason`, too. */
  state: {
    event: "state"; state: State; retry_in_ms?: number; code?: number; reason?: string;
  };
  /** A `send` to this user or connection. */
  direct: { event: "direct"; data: any; from?: Member };
  /** An error that belongs to no call. */
  error: { event: "error"; code: ErrorCode; message: string };
  /** The node is about to close the connection; the client comes back by itself. */
  draining: { event: "draining"; reconnect_after_ms: number };
  moved: { event: "moved" };
}

export interface History {
  /** The `data` of a binary message is `{ binary }`, in base64. */
  messages: Array<{ offset: number; data: any; from?: Member; time?: number }>;
  epoch?: string;
  offset?: number;
  recovered?: boolean;
}

export interface Options {
  /**
   * A token, or a function that gets one: called before the first dial, and when the last token is
   * about to expire or was refused. What it throws with `final: true` ends the client.
   */
  token?: string | (() => string | Promise<string>);
  /** The constructor of sockets, where there is no global `WebSocket`. */
  WebSocket?: new (url: string, protocols: string[]) => unknown;
  /** How long a call waits for a connection and its reply, in milliseconds; 30,000 by default. */
  timeout?: number;
}

/** Why a call failed. */
export class RoostError extends Error {
  constructor(code: ErrorCode, message?: string, retryAfterMs?: number);
  readonly code: ErrorCode;
  /** How long to wait before the next try, where the server said so. */
  readonly retryAfterMs?: number;
}

/** A room, joined or not. */
export interface Room {
  readonly name: string;
  /** The place of the last message taken, in a room with history that was joined; else null. */
  readonly position: Position | null;
  /** Calls `listener` with each such event; the result ends that. */
  on<Name extends keyof RoomEvents>(
    event: Name, listener: (event: RoomEvents[Name]) => void): () => void;
  /** Wishes to be in the room, now and after every reconnect, until `leave` or `removed`. */
  join(): this;
  leave(): void;
  /**
   * Publishes a JSON value, repeated with one key until it is acknowledged. An `ArrayBuffer` or a view
   * of one goes out as a binary message, which nobody acknowledges: done when it is sent.
   */
  publish(data: unknown, options?: { key?: string }): Promise<Partial<Position>>;
  history(options?: { since?: Position; limit?: number; reverse?: boolean }): Promise<History>;
  presence(options?: { limit?: number; after?: number }): Promise<{ members: Member[]; next?: number }>;
}

/** A connection to Roost that lasts: it is made again whenever it is lost. */
export class Roost {
  /** @param url `wss://…/ws`; in a page it may be relative. */
  constructor(url: string | URL, options?: Options);
  readonly state: State;
  /** Null without an open connection. */
  readonly welcome: Welcome | null;
  on<Name extends keyof RoostEvents>(
    event: Name, listener: (event: RoostEvents[Name]) => void): () => void;
  /** Connects and stays connected; ends a wait for the next try at once. */
  connect(): void;
  /** Closes until `connect`. Calls that wait fail: `unknown` if they were sent, else `closed`. */
  close(): void;
  /** A room to publish into or to read, without joining it. */
  room(name: string): Room;
  join(name: string): Room;
  /** Sends to every connection of a user, or to one connection. */
  send(
    to: { user: string } | { connection: string }, data: unknown
  ): Promise<{ delivered: number; complete?: boolean }>;
}

"""##
}

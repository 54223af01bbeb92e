// swift-format-ignore-file
// The console page as one string, because resources of a package would pull in Foundation. Written by
// ops/pages from console.html, which is the file to edit; a test compares the two byte for byte.

/// The page that a person watches rooms with, served at `/` under `--dev`.
public enum ConsolePage {
  /// The media type to serve the page with.
  public static let contentType = "text/html; charset=utf-8"

  /// The value of the Content-Security-Policy header to serve the page with.
  ///
  /// It allows the page's one script and one style by their hashes, its icon, and modules of and
  /// connections to the host that served it; nothing else.
  public static let contentSecurityPolicy =
    "default-src 'none'; script-src 'sha256-bTc/EA5E5u8sdc8ANPcArTDDHVDGhcq7XlzO6/V2H2A=' 'self'; style-src 'sha256-RrjvYhyKhsGOHNND0G4NVv3HM3URkTe1dnhbn/XdzTU='; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

  /// The page, UTF-8, 43347 bytes.
  public static let html = ##"""
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<title>Roost console</title>
<link rel="icon" href="data:,">
<style>
:root {
  color-scheme: light dark;
  --ground: light-dark(#f3f1eb, #0d1315);
  --panel: light-dark(#fdfcf9, #141c1f);
  --sunken: light-dark(#efece4, #0f1719);
  --line: light-dark(#e0dcd0, #243136);
  --edge: light-dark(#878475, #64767c);
  --ink: light-dark(#1a2224, #e6edec);
  --quiet: light-dark(#586264, #96a7ab);
  --accent: light-dark(#a5470f, #f2a65f);
  --tint: light-dark(#f9e9dc, #30241a);
  --on-accent: light-dark(#ffffff, #1c1106);
  --teal: light-dark(#0b665e, #63cfc2);
  --teal-soft: light-dark(#dcefeb, #12302e);
  --bad: light-dark(#a8231b, #ff978c);
  --bad-soft: light-dark(#fbe6e2, #391d1b);
  --warn: light-dark(#7d5200, #ecc063);
  --warn-soft: light-dark(#f8edd0, #31280f);
  --mono: ui-monospace, Menlo, Consolas, monospace;
  --rule: 1px solid var(--line);
  --gap: 16px;
}
* { box-sizing: border-box; margin: 0; padding: 0; }
[hidden] { display: none !important; }
body {
  display: flex; flex-direction: column; height: 100dvh; background: var(--ground); color: var(--ink);
  font: 14px/1.45 system-ui, sans-serif; overflow-wrap: anywhere;
}
ul, ol { list-style: none; }
h2 { font-size: 14px; font-weight: 650; }
button, input, select, textarea { font: inherit; color: inherit; }
code, pre, time, .mono { font: 12px/1.5 var(--mono); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.quiet, small, i { color: var(--quiet); font-style: normal; }
.grow { flex: 1; min-width: 0; }
.clip { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }

/* Controls */
button, input, select, textarea { min-width: 0; min-height: 34px; padding: 5px 11px; border: 1px solid var(--edge); border-radius: 7px; background: var(--panel); }
button { font-weight: 550; white-space: nowrap; cursor: pointer; }
@media (hover: hover) { button:hover:enabled { background: var(--tint); border-color: var(--accent); } }
button:disabled { opacity: .5; cursor: default; }
.primary, .primary:hover:enabled { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.plain { border-color: transparent; background: none; color: var(--quiet); }
.small { min-height: 28px; padding: 2px 9px; font-size: 12px; }
::placeholder { color: var(--quiet); opacity: 1; }
[aria-invalid="true"] { border-color: var(--bad); }
.code { padding: 1px 7px; border-radius: 5px; background: color-mix(in oklab, currentColor 13%, transparent); font: 600 12px/1.5 var(--mono); }
.bad, .bad .code { color: var(--bad); }
.good { color: var(--teal); }
.warn { color: var(--warn); }
.badge, .count { min-width: 20px; padding: 0 7px; border-radius: 99px; background: var(--sunken); color: var(--quiet); font-size: 11px; line-height: 20px; font-weight: 650; text-align: center; }
.badge { background: var(--accent); color: var(--on-accent); }
.count:empty, #join-error:empty, #member-note:empty { display: none; }

/* Head */
header, header form, h1, #session, #session div, #banner > div, .head, .tools, .note, .options, .compose, #member-list li { display: flex; align-items: center; gap: 8px; }
header form, .count + button { margin-left: auto; }
header { flex-wrap: wrap; white-space: nowrap; padding: 10px var(--gap); border-bottom: var(--rule); background: var(--panel); }
h1 { font-size: 16px; font-weight: 680; }
svg { vertical-align: -2px; }
h1 svg { width: 30px; height: 30px; color: var(--accent); }
h1 span { font-weight: 400; }
#status { padding: 3px 11px; border-radius: 99px; background: var(--sunken); font-size: 13px; font-weight: 550; }
#status::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 7px; border-radius: 50%; background: currentColor; }
[data-phase="online"] { color: var(--teal); background: var(--teal-soft) !important; }
[data-phase="connecting"], [data-phase="waiting"] { color: var(--warn); background: var(--warn-soft) !important; }
[data-phase="connecting"]::before, [data-phase="waiting"]::before { animation: pulse 1s infinite alternate; }
@keyframes pulse { to { opacity: .25; } }
#user-field { width: 150px; }
#session { flex-wrap: wrap; gap: 2px 20px; padding: 6px var(--gap); border-bottom: var(--rule); font-size: 12px; }
#session div { align-items: baseline; }
#banner > div { flex-wrap: wrap; gap: 4px 10px; padding: 7px var(--gap); border-bottom: var(--rule); background: var(--warn-soft); color: var(--ink); font-size: 13px; }
#banner .bad { background: var(--bad-soft); }

/* Panes */
main { display: grid; flex: 1; grid-template-columns: 264px minmax(0, 1fr) minmax(320px, 26vw); grid-template-rows: minmax(0, 1fr); min-height: 0; }
.pane { display: flex; flex-direction: column; min-width: 0; min-height: 0; background: var(--panel); }
#rooms { background: var(--ground); }
#stream { border: solid var(--line); border-width: 0 1px; }
#side { display: grid; grid-template-rows: 2fr 3fr; min-height: 0; }
#frames { border-top: var(--rule); }
.head { min-height: 52px; padding: 8px var(--gap); }
.scroll { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; }
#tabs { display: none; }

/* Rooms */
#join-form { display: grid; grid-template-columns: 1fr auto; gap: 6px 8px; padding: 0 var(--gap) 12px; font-size: 13px; }
#join-error { grid-column: 1 / -1; }
#room-list button { display: grid; grid-template-columns: 1fr auto; width: calc(100% - 16px); margin: 0 8px 2px; padding: 7px 9px; border-color: transparent; background: none; text-align: left; font-weight: 400; }
#room-list [aria-current="true"] { background: var(--panel); border-color: var(--line); box-shadow: inset 3px 0 var(--accent); }
#room-list small { grid-column: 1 / -1; min-height: 18px; font-size: 12px; }
#rooms details { padding: 10px var(--gap); border-top: var(--rule); font-size: 12px; }
summary { cursor: pointer; }
#close-table { max-height: 38vh; margin-top: 8px; }
#close-table div { display: grid; grid-template-columns: 42px 1fr; padding: 4px 0; }

/* Stream */
#room-head { border-bottom: var(--rule); }
#position { font-size: 12px; }
#stream-body { position: relative; display: flex; flex: 1; min-height: 0; }
#message-list { padding: 10px 0; }
#message-list li { padding: 4px var(--gap); }
.message { display: grid; grid-template-columns: 66px minmax(0, 1fr) auto; gap: 0 12px; }
.message:hover, #frame-list summary:hover { background: var(--sunken); }
.mine { box-shadow: inset 3px 0 var(--accent); }
time, .offset { color: var(--quiet); line-height: 1.75 !important; }
.from { font-size: 13px; font-weight: 620; }
.text { white-space: pre-wrap; }
pre { max-height: 260px; margin: 3px 0; padding: 7px 10px; overflow: auto; border: var(--rule); border-radius: 7px; background: var(--sunken); white-space: pre-wrap; }
.hex { white-space: pre; }
.k { color: var(--teal); } .n { color: var(--accent); }
.note { font-size: 12px; text-align: center; }
.note::before, .note::after { content: ""; flex: 1 0 12px; border-top: var(--rule); }
#newer { position: absolute; bottom: 10px; left: 50%; translate: -50%; border-radius: 99px; box-shadow: 0 3px 14px rgb(0 0 0 / .22); }
#welcome { width: min(430px, 100%); margin: auto; padding: 24px; }
#welcome svg { width: 84px; height: 84px; margin-left: -8px; color: var(--accent); }
#welcome h2 { margin: 4px 0 8px; font-size: 21px; }

/* Composer */
#publish-form { padding: 10px var(--gap); border-top: var(--rule); }
fieldset { display: contents; }
.options { flex-wrap: wrap; }
.options input.small { flex: 1 1 110px; max-width: 230px; }
.segments { display: flex; border: 1px solid var(--edge); border-radius: 7px; overflow: hidden; }
.segments label { position: relative; padding: 3px 11px; font-size: 12px; font-weight: 550; line-height: 20px; }
.segments label + label { border-left: 1px solid var(--edge); }
.segments input { position: absolute; inset: 0; min-height: 0; opacity: 0; cursor: pointer; }
.segments :has(:checked) { background: var(--accent); color: var(--on-accent); }
.segments :has(:focus-visible) { outline: 2px solid; outline-offset: -4px; }
.compose { align-items: end; margin: 8px 0 6px; }
#message-input { flex: 1; max-height: 30vh; resize: none; field-sizing: content; }
#publish-result { min-height: 18px; font-size: 12px; }

/* Members and frames */
#member-note { padding: 0 var(--gap) 8px; font-size: 13px; }
#member-list li { padding: 3px var(--gap); line-height: 1.3; }
#member-list li::before { content: attr(data-initial); flex: none; width: 26px; border-radius: 50%; background: var(--teal-soft); color: var(--teal); font-size: 12px; font-weight: 650; line-height: 26px; text-align: center; text-transform: uppercase; }
#member-list small { display: block; font: 11px var(--mono); }
.tools { padding: 0 var(--gap) 8px; }
#frame-list { font: 12px/1.5 var(--mono); }
#frame-list summary { display: grid; grid-template-columns: 25px 66px 1fr auto; gap: 8px; padding: 2px var(--gap); }
#frame-list summary:focus-visible { outline-offset: -2px; }
.in { color: var(--teal); } .out { color: var(--accent); }
#frame-list pre { margin: 2px var(--gap) 6px; }
#raw-form { padding: 8px var(--gap) 12px; border-top: var(--rule); }

/* Narrower: members and frames under the stream; on a phone, one pane at a time */
@media (max-width: 1120px) {
  main { grid-template: 3fr 2fr / 232px minmax(0, 1fr); }
  #rooms { grid-row: 1 / 3; }
  #stream { border-right: 0; }
  #side { grid-template: minmax(0, 1fr) / 2fr 3fr; border: var(--rule); border-width: 1px 0 0 1px; }
  #frames { border: 0; border-left: var(--rule); }
}
@media (max-width: 700px) {
  :root { --gap: 12px; }
  h1 { flex: 1; }
  header form { order: 1; width: 100%; }
  #user-field { flex: 1; }
  h1 .quiet, #session .rare { display: none; }
  input, select, textarea { min-height: 40px; font-size: 16px !important; }
  button { min-height: 40px; }
  .small { min-height: 38px; font-size: 13px; }
  .segments label { padding: 9px 16px; font-size: 13px; }
  .options input.small { flex-basis: 100%; max-width: none; }
  main { grid-template: minmax(0, 1fr) / minmax(0, 1fr); }
  #side { display: contents; }
  #stream, #frames { border: 0; }
  main .pane { grid-area: 1 / 1; display: none; }
  [data-view="rooms"] #rooms, [data-view="stream"] #stream, [data-view="members"] #members, [data-view="frames"] #frames { display: flex; }
  #tabs { display: flex; gap: 4px; padding: 6px 8px; border-top: var(--rule); background: var(--panel); }
  #tabs button { flex: 1; min-height: 44px; padding: 0 4px; font-size: 13px; }
  #tabs [aria-current="true"] { background: var(--tint); color: var(--accent); }
  .message { grid-template-columns: 1fr auto; }
  .message > div { grid-area: 2 / 1 / 3 / 3; min-width: 0; }
  #frame-list summary { padding-block: 6px; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; } }
</style>
</head>
<body>
<svg hidden><symbol id="bird" viewBox="0 0 32 32"><path d="M2 26q14 3.5 28 0" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"/><path d="M4 12l7 3.5C12 9.5 15.5 6.5 20 6.5c3.2 0 5.3 1.9 5.7 4.3l3.8 1.4-3.7 1.9C25.6 21 21.5 25.6 16 25.6 10.5 25.6 6 20.5 4 12z" fill="currentColor"/><circle cx="21.4" cy="11" r="1.15" fill="var(--panel)"/></symbol></svg>
<header>
<h1><svg aria-hidden="true"><use href="#bird"/></svg><div>Roost <span class="quiet">console</span></div></h1>
<span id="status" role="status"></span>
<form id="connect-form">
<button id="ping-button" type="button">Ping <span id="rtt" class="mono quiet" aria-live="polite"></span></button>
<label for="user-field" class="quiet">User</label>
<input id="user-field">
<button id="connect-button" class="primary">Connect</button>
<button id="disconnect-button" type="button">Disconnect</button>
</form>
<button id="theme-button" class="plain"><svg width="15" height="15" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M8 1.5a6.5 6.5 0 0 1 0 13z" fill="currentColor"/></svg></button>
</header>
<dl id="session"></dl>
<div id="banner">
<div id="close-info" role="alert" hidden><b id="close-code" class="code"></b><b id="close-title"></b><span id="close-reason"></span><span id="close-explanation"></span></div>
<div id="retry-info" hidden><span class="grow">Connecting again in <b id="retry-seconds"></b> s</span><button id="retry-now" class="small">Connect now</button><button id="retry-stop" class="small">Stop</button></div>
<div id="notice" role="alert" hidden><span id="notice-text" class="grow"></span><button id="notice-close" class="small">Dismiss</button></div>
</div>
<main>
<section id="rooms" class="pane">
<div class="head"><h2>Rooms</h2></div>
<form id="join-form">
<input id="room-field" aria-label="Room to join" placeholder="chat:lobby">
<button id="join-button" class="primary">Join</button>
<p id="join-error" class="bad" role="alert"></p>
</form>
<ul id="room-list" class="scroll"></ul>
<details><summary class="quiet">What close codes mean</summary><dl id="close-table" class="scroll" tabindex="0"></dl></details>
</section>
<section id="stream" class="pane">
<div id="room-head" class="head">
<div class="grow"><h2 id="room-title" class="clip"></h2><p id="position" class="clip quiet"></p></div>
<button id="history-button" class="small">History</button>
<button id="leave-button" class="small">Leave</button>
</div>
<div id="stream-body">
<div id="welcome">
<svg aria-hidden="true"><use href="#bird"/></svg>
<h2>Watch messages land</h2>
<p><b>Connect</b> under any user name, <b>join</b> a room such as <code>chat:lobby</code>, then <b>publish</b>. A second window under another name shows both sides.</p>
</div>
<ol id="message-list" class="scroll" role="log" aria-live="polite" aria-label="Messages" tabindex="0"></ol>
<button id="newer" class="primary small" hidden>New messages ↓</button>
</div>
<form id="publish-form"><fieldset id="compose">
<div class="options">
<select id="target-kind" class="small" aria-label="Send to"><option value="room">To the room</option><option value="user">To a user</option><option value="connection">To a connection</option></select>
<input id="target-field" class="small" aria-label="User or connection to send to">
<span class="segments" role="radiogroup" aria-label="Format"><label><input type="radio" name="format" id="format-text" checked>Text</label><label><input type="radio" name="format" id="format-json">JSON</label></span>
<input id="key-field" class="small" placeholder="Idempotency key (optional)" aria-label="Idempotency key, optional">
</div>
<div class="compose"><textarea id="message-input" rows="1" aria-label="Message"></textarea><button id="publish-button" class="primary"></button></div>
<p id="publish-result" role="status"></p>
</fieldset></form>
</section>
<div id="side">
<section id="members" class="pane">
<div class="head"><h2>Members</h2><span id="member-count" class="count"></span><button id="presence-button" class="small">Refresh</button></div>
<p id="member-note" class="quiet"></p>
<ul id="member-list" class="scroll" tabindex="0" aria-label="Members"></ul>
</section>
<section id="frames" class="pane">
<div class="head"><h2>Frames</h2><span id="frame-count" class="count"></span><button id="frame-pause" class="small">Pause</button><button id="frame-clear" class="small">Clear</button></div>
<div class="tools"><input id="frame-filter" class="small grow" type="search" placeholder="Filter, such as: out publish" aria-label="Filter"></div>
<ol id="frame-list" class="scroll" aria-label="Frames, newest first"></ol>
<form id="raw-form" class="tools"><input id="raw-input" class="small grow mono" placeholder='{"type":"ping","id":1}' aria-label="Raw request"><button id="raw-button" class="small">Send raw</button></form>
</section>
</div>
</main>
<nav id="tabs" aria-label="Views"><button class="plain" data-tab="rooms">Rooms <span id="unread" class="badge"></span></button><button class="plain" data-tab="stream">Messages</button><button class="plain" data-tab="members">Members</button><button class="plain" data-tab="frames">Frames</button></nav>
<script type="module">
import { Roost } from "/roost.js";

// Bounds of all that grows, in entries, characters and bytes.
const MAX = { messages: 300, frames: 500, members: 200, text: 4000, hex: 256 };
const ANSWER_MS = 10000;

// Close codes: name and meaning.
const CLOSES = {
  1000: ["Normal close", "One side ended the connection as planned."],
  1001: ["Going away", "The node drains or shuts down; another takes over."],
  1002: ["Protocol error", "A frame broke the rules of RFC 6455."],
  1003: ["Unsupported data", "A kind of message that is not taken here."],
  1005: ["No code", "Closed without a code."],
  1006: ["Connection lost", "No close frame came: network, proxy or node failed, or the handshake was refused."],
  1007: ["Invalid UTF-8", "A text message was not valid UTF-8."],
  1008: ["Policy violation", "The node’s policy forbids what this side did."],
  1009: ["Message too big", "A message exceeded the node’s limit."],
  1011: ["Internal error", "The node met what it did not expect."],
  1012: ["Service restart", "The node restarts."],
  1013: ["Try again later", "The node is overloaded or not ready."],
  4000: ["Ping timeout", "This side did not answer pings in time."],
  4001: ["Unauthorized", "The token is missing or not valid."],
  4002: ["Token expired", "The token ran out and was not refreshed."],
  4003: ["Kicked", "The server API disconnected this connection."],
  4004: ["Rate limited", "This side sent more than it may."],
  4005: ["Slow consumer", "This side read too slowly; its queue ran over."],
  4006: ["Idle", "Nothing was done here for too long."],
  4007: ["Connection limit", "This user or address has too many connections."],
};
// What to do about an error.
const HINTS = {
  unavailable: "Certainly not done: try again",
  unknown: "It may have been done: repeat it with the same key", timeout: "It may have been done",
};

// ui.roomField is the element with the id room-field. Data enters the page as text nodes only.
const ui = new Proxy({}, { get: (_, name) => document.getElementById(name.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase())) });
const write = (name, value) => ui[name].textContent = value;
const make = (kind, ...children) => {
  const [tag, className = ""] = kind.split("."), element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
};
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
const size = (bytes) => bytes < 1024 ? `${bytes} B` : `${+(bytes / 1024).toFixed(1)} KiB`;
const clock = (moment) => new Date(moment).toTimeString().slice(0, 8);
const cut = (text) => text.length > MAX.text ? `${text.slice(0, MAX.text)}… (${text.length} characters)` : text;
const encode = (text) => new TextEncoder().encode(text);
const isPhone = () => innerWidth <= 700;
// Storage may be forbidden.
const stored = (storage, name, value) => {
  try { return value === undefined ? window[storage][name] : window[storage][name] = value; } catch { return undefined; }
};

// The room named "" holds direct messages.
let roost, roostUser, socket, session, current, painted, phase;
let reason, refusal, retryAt, retryTimer, pingedAt, pingTimer, isPaused = false;
let frames = [], freshFrames = [];
const rooms = new Map();

// However much arrives, the page is painted once per animation frame.
const dirty = new Set();
function draw(...parts) {
  if (!dirty.size) requestAnimationFrame(() => {
    const now = [...dirty];
    dirty.clear();
    for (const part of now) painters[part]();
  });
  for (const part of parts.length ? parts : ["rooms", "stream", "members"]) dirty.add(part);
}

// Connection

// Shows every frame on its way to and from the client.
class ShownSocket extends WebSocket {
  constructor(...target) {
    super(...target);
    reason = "";
    log("", "connect", this.url);
    // On a move there are two; what is typed goes over the new one.
    on(this, "open", () => { socket = this; });
    on(this, "message", ({ data }) => typeof data === "string" ? seen(data) : log("in", "binary", hex(new Uint8Array(data)), data.byteLength));
    on(this, "close", (event) => log("", "close", `${event.code} ${reason = event.reason}`));
  }
  send(text) {
    super.send(text);
    log("out", /"type"\s*:\s*"(\w+)"/.exec(text)?.[1] ?? "text", text);
  }
}

// What the client keeps to itself, or answers to raw requests.
function seen(text) {
  let message;
  try { message = JSON.parse(text); } catch { return log("in", "not JSON", text); }
  const { type, id, in_ms: left } = message;
  // A ticket is for the next node only.
  log("in", type, text.replace(/("ticket":")[^"]*/, "$1…"));
  if (type === "error") refusal = message;
  if (type === "error" && typeof id === "string") notify(...explain(message));
  if (type === "expiring") notify(`The token expires in ${left / 1000} s: send auth with a new one.`);
  if (type === "pong" && id === "console") {
    clearTimeout(pingTimer);
    write("rtt", took(pingedAt));
  }
}

function ping() {
  pingedAt = performance.now();
  pingTimer = setTimeout(write, ANSWER_MS, "rtt", "failed");
  socket.send('{"type":"ping","id":"console"}');
}

function connect() {
  const user = ui.userField.value.trim();
  stored("sessionStorage", "roostUser", user);
  if (!roost || roostUser !== user) {
    roostUser = user;
    roost = new Roost(`/ws${user && "?user=" + encodeURIComponent(user)}`, { WebSocket: ShownSocket, timeout: ANSWER_MS });
    for (const event in told) roost.on(event, (fields) => { told[event](fields, rooms.get(fields.room)); draw(); });
    for (const room of rooms.values()) if (room.name && room.wanted) roost.join(room.name);
  }
  roost.connect();
}

const disconnect = () => roost.close();

function ended(state, code, wait) {
  session = null;
  const [title, meaning] = CLOSES[code] ?? [`Code ${code}`, "Not a code of this protocol."];
  for (const room of rooms.values()) {
    if (room.joined && room.name) note(room, `${title} (${code})`, "warn");
    room.joined = !room.name;
    // The server joins its own rooms again by itself.
    if (room.byServer) room.wanted = false;
  }
  write("closeCode", code);
  write("closeTitle", title);
  write("closeReason", reason && `“${reason}”`);
  write("closeExplanation", meaning + (state === "closed" && code !== 1000 ? " Not connecting again by itself." : ""));
  ui.closeInfo.className = code > 1001 ? "bad" : "";
  ui.closeInfo.hidden = false;
  ui.notice.hidden = true;
}

const countDown = () => write("retrySeconds", Math.max(0, (retryAt - performance.now()) / 1000).toFixed(1));

function setPhase(next) {
  phase = next;
  const isOnline = phase === "online", isOffline = phase === "offline";
  ui.status.dataset.phase = phase;
  write("status", { connecting: "Connecting", online: "Connected", waiting: "Reconnecting" }[phase] ?? "Not connected");
  ui.connectButton.hidden = !isOffline;
  ui.disconnectButton.hidden = isOffline;
  ui.userField.disabled = !isOffline;
  ui.retryInfo.hidden = phase !== "waiting";
  ui.pingButton.hidden = ui.session.hidden = !isOnline;
  ui.joinButton.disabled = ui.rawButton.disabled = !isOnline;
  write("rtt", "");
  draw();
}

function welcome() {
  session = roost.welcome;
  const { node, connection, user, max_message_bytes: limit, ping_ms: ping, version } = session;
  const facts = { Node: node, Connection: connection, User: user, Limit: limit && size(limit), Pings: ping && `every ${ping / 1000} s`, Version: version };
  ui.session.replaceChildren(...Object.entries(facts).filter(([, value]) => value).map(([name, value], index) =>
    make(index > 1 ? "div.rare" : "div", make("dt.quiet", name), make("dd.mono", value))));
  ui.closeInfo.hidden = ui.notice.hidden = true;
}

// What the client tells, with the room that it is about.
const told = {
  state({ state, code, retry_in_ms: wait }) {
    if (state === "open") welcome();
    if (code) ended(state, code);
    clearInterval(retryTimer);
    if (state === "waiting") {
      retryAt = performance.now() + wait;
      retryTimer = setInterval(countDown, 100);
      countDown();
    }
    setPhase({ open: "online", closed: "offline" }[state] ?? state);
  },
  room({ state, members, recovered, degraded }, room) {
    if (!room) return;
    if (state === "failed" && room.known) return note(room, ["Could not join again: ", ...explain(refusal)], "bad");
    if (state === "failed") {
      rooms.delete(room.name);
      if (current === room) select(lastRoom());
      refuseRoom(explain(refusal));
      ui.roomField.value ||= room.name;
      return isPhone() && openView("rooms");
    }
    const isAgain = room.known;
    Object.assign(room, { joined: true, known: true, count: members });
    place(room);
    if (isAgain) note(room, recovered ? "Joined again; nothing is missing" : "Joined again");
    else note(room, room.epoch === undefined ? "Joined; this room keeps no history" : `Joined at offset ${room.offset}`);
    if (degraded) note(room, "Degraded: Redis is away, other nodes are out of reach", "warn");
    presence(room);
  },
  message: (message, room) => deliver(room, message),
  binary: ({ data, offset }, room) => deliver(room, { bytes: data, offset }),
  direct: (message) => deliver(roomNamed(""), message),
  joined: ({ member }, room) => move(room, "joined", member ?? {}),
  left: ({ member }, room) => move(room, "left", member ?? {}),
  members: ({ count }, room) => { room.count = count; },
  presence_reset: (_, room) => presence(room),
  gap: (_, room) => note(room, "Gap: messages may be missing here", "warn"),
  reset(_, room) {
    place(room);
    note(room, "Reset: the missed messages could not be recovered. Load your state anew.", "bad");
  },
  added({ room: name }) {
    const room = Object.assign(roomNamed(name), { byServer: true, wanted: true, joined: true });
    place(room);
    note(room, "The server joined this connection to the room");
    presence(room);
  },
  removed({ code }, room) {
    room.joined = room.wanted = false;
    note(room, ["The server took this connection out of the room ", make("b.code", code)], "bad");
  },
  draining() { notify("This node is draining: the console moves to another one, or comes back by itself."); },
  moved() {
    welcome();
    notify(`Moved to ${session.node}; nothing is missing.`);
  },
  error: (error) => notify(...explain(error)),
};

// Requests

const took = (startedAt) => `${(performance.now() - startedAt).toFixed(1)} ms`;

// JSON whose numbers keep their digits, where the browser can do that.
const exact = (text) => JSON.parse(text, (_, value, { source } = {}) =>
  typeof value === "number" && JSON.rawJSON && source !== String(value) ? JSON.rawJSON(source) : value);

const explain = ({ code, message, retryAfterMs, retry_after_ms: wait = retryAfterMs }) =>
  [make("b.code", code), " ", [message, HINTS[code], wait && `Retry in ${wait / 1000} s`].filter(Boolean).join(" · ")];

function notify(...children) {
  ui.noticeText.replaceChildren(...children);
  ui.notice.hidden = false;
}

// Rooms

function roomNamed(name) {
  if (!rooms.has(name)) rooms.set(name, { name, joined: !name, members: new Map(), items: [], unread: 0, last: "" });
  return rooms.get(name);
}

const lastRoom = () => [...rooms.values()].at(-1);

function select(room) {
  current = room;
  painted = null;
  if (room) room.unread = 0;
  ui.targetKind.value = room?.name === "" ? "user" : "room";
  chooseTarget();
  result("");
  draw();
}

function join(room) {
  room.wanted = true;
  roost.join(room.name);
}

function leave(room) {
  room.wanted = false;
  roost?.room(room.name).leave();
  rooms.delete(room.name);
  select(lastRoom());
}

// Takes over the client's position; it has none for direct messages.
const place = (room) => Object.assign(room, roost.room(room.name).position ?? { epoch: undefined, offset: undefined });

function presence(room) {
  roost.room(room.name).presence().then(({ members: list }) => {
    room.members = new Map(list.slice(0, MAX.members).map((member) => [member.connection, member]));
    // A page of a long list never lowers the count that join gave.
    room.count = Math.max(list.length, list.length < 100 ? 0 : room.count ?? 0);
    draw("rooms", "members");
  }, (error) => note(room, ["Members cannot be read: ", ...explain(error)], "warn"));
}

function move(room, type, member) {
  const isIn = type === "joined", isNews = isIn !== room.members.has(member.connection);
  if (!isIn) room.members.delete(member.connection);
  else if (room.members.size < MAX.members) room.members.set(member.connection, member);
  if (isNews) room.count = Math.max(0, (room.count ?? 0) + (isIn ? 1 : -1));
  note(room, `${member.user ?? member.connection} ${type}`);
}

function history(room) {
  roost.room(room.name).history({ limit: 50, reverse: true }).then(({ messages, epoch }) => {
    const isHere = ({ offset }) => room.items.some((item) => item.offset === offset && item.epoch === epoch);
    const older = messages.filter((message) => !isHere(message)).sort((one, other) => one.offset - other.offset);
    for (const message of older) {
      const place = room.items.findIndex((item) => item.offset > message.offset && item.epoch === epoch);
      room.items.splice(place < 0 ? room.items.length : place, 0, itemOf(message, epoch));
    }
    painted = null;
    note(room, older.length ? `${plural(older.length, "earlier message")} loaded` : "History holds no more than is shown");
  }, (error) => note(room, ["No history: ", ...explain(error)], "bad"));
}

// Messages

function itemOf({ data, bytes, binary, from, time, offset, to }, epoch) {
  // In history, opaque bytes are base64.
  const base64 = binary ?? (data && Object.keys(data).join() === "binary" ? data.binary : undefined);
  if (typeof base64 === "string") try { bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)); } catch { /* shown as JSON */ }
  return { data, bytes, from, time, offset, to, epoch, at: Date.now() };
}

function deliver(room, message) {
  place(room);
  const { bytes, data, from } = message;
  room.last = `${from?.user ? from.user + ": " : ""}${bytes ? size(bytes.length) + " of binary" : (typeof data === "string" ? data : JSON.stringify(data) ?? "").slice(0, 80)}`;
  if (room !== current || isPhone() && document.body.dataset.view !== "stream") room.unread += 1;
  add(room, itemOf(message, room.epoch));
}

const note = (room, text, kind = "quiet") => add(room, { note: [text].flat(), kind });

function add(room, item) {
  room.items.push(item);
  room.items.splice(0, room.items.length - MAX.messages);
  draw();
}

const hex = (bytes) => Array.from(bytes.subarray(0, MAX.hex), (byte) => byte.toString(16).padStart(2, "0")).join(" ");

function hexDump(bytes) {
  const lines = [];
  for (let start = 0; start < Math.min(bytes.length, MAX.hex); start += 8) {
    const row = bytes.subarray(start, start + 8);
    lines.push(`${start.toString(16).padStart(4, "0")}  ${hex(row).padEnd(24)} ${String.fromCharCode(...row).replace(/[^ -~]/g, "·")}`);
  }
  return lines.join("\n") + (bytes.length > MAX.hex ? `\n… ${size(bytes.length)} in all` : "");
}

// Keys and bare values become coloured spans.
function jsonBlock(value) {
  const block = make("pre"), text = cut(JSON.stringify(value, null, 2) ?? "");
  let end = 0;
  for (const { 0: token, 1: colon, index } of text.matchAll(/"(?:[^"\\]|\\.)*"(?=(:)?)|-?\d[\d.eE+-]*|true|false|null/g)) {
    const kind = colon ? "k" : token[0] === '"' ? "" : "n";
    if (kind) { block.append(text.slice(end, index), make(`span.${kind}`, token)); end = index + token.length; }
  }
  block.append(text.slice(end));
  return block;
}

function elementOf({ note, kind, data, bytes, from, time, offset, to, at }) {
  if (note) return make(`li.note ${kind}`, make("span", ...note));
  const isMine = to || from && from.connection === session?.connection, body = make("div");
  if (to || from) body.append(make("div.from", to ? `To ${to}` : from.user ?? from.connection, make("small", isMine && !to ? " you" : "")));
  if (bytes) body.append(make("i", `${size(bytes.length)} of binary data`));
  body.append(bytes ? make("pre.hex", hexDump(bytes)) : typeof data === "string" ? make("div.text", cut(data)) : jsonBlock(data));
  const stamp = make("time", clock(time ?? at)), element = make(isMine ? "li.message mine" : "li.message", stamp, body, make("time.offset", offset === undefined ? "" : `#${offset}`));
  body.lastChild.dataset.testid = "message-body";
  Object.assign(element.dataset, { testid: "message", offset: offset ?? "" });
  return element;
}

// Painting

const isAtEnd = () => ui.messageList.scrollHeight - ui.messageList.scrollTop - ui.messageList.clientHeight < 60;

const painters = {
  rooms() {
    const focused = document.activeElement.dataset.room;
    let unread = 0;
    ui.roomList.replaceChildren(...Array.from(rooms.values(), (room) => {
      const split = room.name.indexOf(":") + 1, name = room.name || "Direct messages";
      const state = room.joined ? room.last || (room.count ? plural(room.count, "member") : "") : room.wanted ? "Joins when connected" : "Not joined";
      const badge = make(room.unread ? "span.badge" : "span", room.unread || "");
      const button = make("button", make("span.clip", make("i", name.slice(0, split)), make("b", name.slice(split))), badge, make("small.clip", state));
      badge.title = "Unread";
      Object.assign(button.dataset, { testid: "room", room: room.name });
      button.setAttribute("aria-current", room === current);
      unread += room.unread;
      return make("li", button);
    }));
    for (const button of ui.roomList.querySelectorAll("button")) if (button.dataset.room === focused) button.focus();
    ui.unread.hidden = !unread;
    write("unread", unread);
  },

  stream() {
    const room = current, list = ui.messageList;
    ui.welcome.hidden = Boolean(room);
    ui.roomHead.hidden = ui.publishForm.hidden = list.hidden = !room;
    ui.newer.hidden ||= !room;
    if (!room) return;
    const { name, joined, epoch, offset } = room;
    write("roomTitle", name || "Direct messages");
    write("position", !name ? "To this user or connection" : !joined ? "Not joined at the moment" : epoch === undefined ? "No history" : `Offset ${offset} · epoch ${epoch}`);
    ui.historyButton.hidden = !name;
    write("leaveButton", name && joined ? "Leave" : "Remove");
    ui.historyButton.disabled = ui.compose.disabled = phase !== "online";
    const sticks = painted !== room || isAtEnd();
    // Items keep their elements: only what is new is built, and only what fell out of the bound goes.
    const isNew = room.items.some((item) => !item.element && !item.note);
    const wanted = new Set(room.items.map((item) => item.element ??= elementOf(item)));
    if (painted !== room) list.replaceChildren();
    while (list.firstChild && !wanted.has(list.firstChild)) list.firstChild.remove();
    list.append(...[...wanted].slice(list.childElementCount));
    painted = room;
    if (sticks) list.scrollTop = list.scrollHeight;
    ui.newer.hidden = sticks || ui.newer.hidden && !isNew;
  },

  members() {
    const room = current?.joined && current.name ? current : undefined, list = [...room?.members.values() ?? []];
    ui.presenceButton.disabled = !room;
    write("memberCount", room?.count ?? "");
    write("memberNote", !room ? "Join a room to see who is there." : room.count > list.length ? `${list.length} of them are shown.` : "");
    ui.memberList.replaceChildren(...list.map(({ connection, user = "anonymous" }) => {
      const name = make("div.grow", make("div.clip", user, make("i", connection === session?.connection ? " you" : "")), make("small.clip", connection));
      const direct = make("button.small plain", "Direct"), entry = make("li", name, direct);
      direct.setAttribute("aria-label", `Send to ${user} directly`);
      direct.onclick = () => {
        openView("stream");
        ui.targetKind.value = "connection";
        ui.targetField.value = connection;
        chooseTarget();
        ui.messageInput.focus();
      };
      Object.assign(entry.dataset, { testid: "member", connection, user, initial: String(user)[0] });
      return entry;
    }));
  },

  frames() {
    write("framePause", isPaused ? `Resume (${freshFrames.length})` : "Pause");
    if (isPaused) return;
    ui.frameList.prepend(...freshFrames.reverse().map(frameElement));
    frames = [...freshFrames, ...frames];
    freshFrames = [];
    for (const frame of frames.splice(MAX.frames)) frame.element.remove();
    write("frameCount", frames.length);
  },
};

// Frames

function log(direction, type, text, bytes = direction && encode(text).length) {
  freshFrames.push({ direction, type, bytes, text: cut(text), at: new Date() });
  freshFrames.splice(0, freshFrames.length - MAX.frames);
  draw("frames");
}

const isShown = ({ direction, type, text }) => `${direction} ${type} ${text}`.toLowerCase().includes(ui.frameFilter.value.trim().toLowerCase());

function frameElement(frame) {
  const { direction, type, text, at, bytes } = frame;
  const details = make("details", make("summary", make(`span.${direction}`, direction || "·"), make("i", at.toISOString().slice(14, 23)),
    make("span.clip", make("b", type), " ", text.slice(0, 160).replace(/^\{"type":"\w+",?/, "{")), make("i", bytes && size(bytes))));
  details.addEventListener("toggle", () => {
    if (details.children[1]) return;
    try { details.append(jsonBlock(JSON.parse(text))); } catch { details.append(make("pre", text)); }
  });
  frame.element = make("li", details);
  frame.element.hidden = !isShown(frame);
  Object.assign(frame.element.dataset, { testid: "frame", direction });
  return frame.element;
}

// Composer

function result(text, kind = "quiet") {
  ui.publishResult.className = kind;
  ui.publishResult.replaceChildren(...[text].flat());
}

function chooseTarget() {
  const kind = ui.targetKind.value, isRoom = kind === "room";
  ui.targetKind.options[0].disabled = current?.name === "";
  ui.targetField.hidden = isRoom;
  ui.targetField.placeholder = kind === "user" ? "User name" : "Connection id";
  ui.keyField.hidden = !isRoom;
  write("publishButton", isRoom ? "Publish" : "Send");
  ui.messageInput.className = ui.formatJson.checked ? "mono" : "";
  ui.messageInput.placeholder = ui.formatJson.checked ? '{"hello": "world"}' : "Message";
}

function setInput(text) {
  ui.messageInput.value = text;
  ui.messageInput.ariaInvalid = "false";
}

function refuse(text) {
  ui.messageInput.ariaInvalid = "true";
  result(text, "bad");
}

function publish() {
  const room = current, text = ui.messageInput.value, kind = ui.targetKind.value, isRoom = kind === "room";
  const target = ui.targetField.value.trim(), key = ui.keyField.value.trim();
  if (!room || !text.trim() || phase !== "online") return;
  if (ui.formatJson.checked) try { JSON.parse(text); } catch (error) { return refuse(`Not JSON, not sent: ${error.message}`); }
  if (!isRoom && !target) return refuse(`Not sent: name the ${kind}.`);
  const data = ui.formatJson.checked ? exact(text) : text, startedAt = performance.now();
  setInput("");
  result("Waiting for the answer");
  const call = isRoom ? roost.room(room.name).publish(data, { key: key || undefined }) : roost.send({ [kind]: target }, data);
  call.then(({ offset, delivered }) => {
    if (!isRoom) {
      add(roomNamed(""), itemOf({ data, to: target }));
      return result(`Delivered to ${plural(delivered, "connection")} in ${took(startedAt)}`, delivered ? "good" : "bad");
    }
    const at = offset === undefined ? "" : ` at offset ${offset}`;
    result(`Published${at} in ${took(startedAt)}${key && "; repeating the key gives it again"}`, "good");
  }, (error) => {
    setInput(ui.messageInput.value || text);
    result(explain(error), "bad");
  });
}

// Controls

function openView(view) {
  document.body.dataset.view = view;
  for (const tab of ui.tabs.children) tab.setAttribute("aria-current", tab.dataset.tab === view);
  if (view !== "stream" || !current) return;
  current.unread = 0;
  painted = null;
  draw("rooms", "stream");
}

function refuseRoom(problem) {
  ui.roomField.ariaInvalid = String(Boolean(problem));
  ui.joinError.replaceChildren(...[problem].flat());
}

function setTheme(theme) {
  document.documentElement.style.colorScheme = theme;
  ui.themeButton.ariaLabel = ui.themeButton.title = `Colours: ${theme}`;
  stored("localStorage", "roostTheme", theme);
}

const on = (element, type, action) => element.addEventListener(type, (event) => {
  if (type === "submit") event.preventDefault();
  action(event);
});
on(ui.connectForm, "submit", () => phase === "offline" && connect());
on(ui.joinForm, "submit", () => {
  const name = ui.roomField.value;
  refuseRoom("");
  if (!name || phase !== "online") return;
  ui.roomField.value = "";
  const room = roomNamed(name);
  if (!room.joined) join(room);
  select(room);
  openView("stream");
});
on(ui.roomList, "click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  select(rooms.get(button.dataset.room));
  openView("stream");
});
on(ui.messageList, "scroll", () => ui.newer.hidden ||= isAtEnd());
on(ui.publishForm, "submit", publish);
on(ui.publishForm, "change", chooseTarget);
on(ui.messageInput, "input", () => setInput(ui.messageInput.value));
on(ui.messageInput, "keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  publish();
});
on(ui.frameFilter, "input", () => { for (const frame of frames) frame.element.hidden = !isShown(frame); });
on(ui.rawForm, "submit", () => { if (!ui.rawInput.value || phase !== "online") return; socket.send(ui.rawInput.value); ui.rawInput.value = ""; });
const clicks = {
  disconnectButton: disconnect,
  retryNow: connect,
  retryStop: disconnect,
  noticeClose: () => ui.notice.hidden = true,
  pingButton: () => ping(),
  historyButton: () => history(current),
  leaveButton: () => { leave(current); openView("rooms"); },
  presenceButton: () => presence(current),
  newer: () => ui.messageList.scrollTop = ui.messageList.scrollHeight,
  framePause: () => { ui.framePause.ariaPressed = isPaused = !isPaused; draw("frames"); },
  frameClear: () => { frames = []; freshFrames = []; ui.frameList.replaceChildren(); draw("frames"); },
  themeButton: () => setTheme({ "light dark": "light", light: "dark" }[document.documentElement.style.colorScheme] ?? "light dark"),
};
for (const name in clicks) on(ui[name], "click", clicks[name]);
for (const tab of ui.tabs.children) on(tab, "click", () => openView(tab.dataset.tab));
for (const input of document.querySelectorAll("input")) Object.assign(input, { autocomplete: "off", autocapitalize: "off", spellcheck: false });

ui.closeTable.append(...Object.entries(CLOSES).map(([code, [title, meaning]]) => make("div", make("dt.mono", code), make("dd", make("b", title), ` · ${meaning}`))));
setTheme(stored("localStorage", "roostTheme") ?? "light dark");
ui.userField.value = stored("sessionStorage", "roostUser") || `guest-${Math.random().toString(36).slice(2, 6)}`;
openView("rooms");
chooseTarget();
setPhase("offline");
</script>
</body>
</html>

"""##
}

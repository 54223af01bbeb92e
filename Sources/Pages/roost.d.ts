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

// What the server sends, as signaling/messages.py declares it. Types only: no page loads this.

export type StreamState = "waiting" | "live" | "paused" | "ended";

/** How a stream is. Until somebody speaks there is no `source`. */
export interface Session {
  state: StreamState | null;
  source?: string | null;
  channels?: string[];
  /** What is recorded while somebody speaks: "audio", "text". */
  recording?: string[];
}

export interface Joined extends Session {
  type: "joined";
  resume: string;
  ice_servers?: RTCIceServer[];
}

export interface State extends Session {
  type: "state";
  state: StreamState;
}

export interface Answer {
  type: "answer";
  sdp: string;
}

/** What a listener hears. Of a fallback: the `reason`, which a newer server may have more of. */
export interface Channel {
  channel: string;
  status: "starting" | "live" | "fallback";
  reason?: string;
}

export interface Audience {
  total: number;
  /** How many listen to each. */
  channels?: Record<string, number>;
}

export interface Spoken {
  language: string;
  mismatch?: boolean;
}

export interface Caption {
  language: string;
  segment: number;
  revision: number;
  status: "partial" | "final" | "clear";
  start_ms: number;
  text: string;
  certain?: number;
  skipped?: boolean;
  doubtful?: boolean;
}

export interface ServerError {
  code: string;
  message: string;
  fatal?: boolean;
  retry_after_s?: number;
}

export type ServerMessage =
  | Joined
  | State
  | Answer
  | ({ type: "channel" } & Channel)
  | ({ type: "audience" } & Audience)
  | ({ type: "spoken" } & Spoken)
  | ({ type: "caption" } & Caption)
  | { type: "captions"; captions?: Caption[] }
  | ({ type: "error" } & ServerError)
  | { type: "pong" };

/** The answer of /api/languages: what can be spoken, and heard of each. */
export interface Languages {
  sources: string[];
  targets: Record<string, string[]>;
  /** Whether the server can tell which language is spoken. */
  auto?: boolean;
  /** Languages whose voice is hard to understand. */
  unclear?: string[];
}

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

/** A stream that everybody may find, in which somebody speaks. */
export interface PublicStream {
  id: string;
  source: string | null;
}

/** What a page is told with itself. `session`: unless listening needs a token. */
export interface First {
  languages?: Languages;
  session?: Session;
  streams?: PublicStream[];
  /** Why the start page is shown in place of another: there is none, or the name is no name. */
  missing?: "page" | "name";
}

export interface Joined extends Session {
  type: "joined";
  others?: string[];
  resume: string;
  /** Whoever is in the wings takes over by speaking. */
  panel?: boolean;
  ice_servers?: RTCIceServer[];
}

export interface State extends Session {
  type: "state";
  state: StreamState;
  /** Whoever is in the wings takes over by speaking. */
  panel?: boolean;
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
  /** The person who interprets, if it is not the machine. */
  interpreter?: string;
}

/** What an interpreter is told of the language, and of those who interpret. */
export interface Booth {
  language: string;
  on_air?: boolean;
  heard?: boolean;
  name?: string;
  asks?: string;
  asked?: boolean;
  colleagues?: string[];
  elsewhere?: Record<string, string>;
  listeners?: number;
}

export interface Audience {
  total: number;
  /** How many listen to each. */
  channels?: Record<string, number>;
}

export interface Lag {
  /** Seconds that each language is behind. */
  behind_s?: Record<string, number>;
  /** Clauses that were not spoken so far. */
  skipped?: number;
}

/** Somebody who asks to speak. */
export interface Waiting {
  number: number;
  language: string;
  name?: string;
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

/** A message of the host, by language; `text` is the first of them, or in a language unknown. */
export interface Notice {
  text?: string;
  texts?: Record<string, string>;
}

export interface ServerError {
  code: string;
  message: string;
  fatal?: boolean;
  retry_after_s?: number;
  url?: string;
  /** The other server that has the stream: its address, or its name. */
  place?: string;
}

export type ServerMessage =
  | Joined
  | State
  | Answer
  | ({ type: "channel" } & Channel)
  | ({ type: "booth" } & Booth)
  | ({ type: "audience" } & Audience)
  | ({ type: "lag" } & Lag)
  | { type: "asking"; who?: Waiting[] }
  | { type: "turn"; speaking?: boolean; declined?: boolean }
  | ({ type: "spoken" } & Spoken)
  | ({ type: "caption" } & Caption)
  | { type: "captions"; captions?: Caption[] }
  | ({ type: "notice" } & Notice)
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

// The state that the server tells operators, as server/operate/board.py makes it. Types only.

export interface LanguageState {
  hear: number;
  read: number;
  status: "starting" | "live" | "fallback";
  reason: string;
  waits_s: number;
  lag_s?: number;
  skipped: number;
  doubtful: number;
  translates: string;
  speaks: string;
}

export interface StreamState {
  state: "waiting" | "live" | "paused" | "ended";
  source: string;
  speaker: boolean;
  panel: boolean;
  hears: string;
  listeners: number;
  channels: Record<string, number>;
  languages: Record<string, LanguageState>;
  lag_s: number;
  skipped: number;
  strip: number[];
  recording: string[];
  problem: string;
  unheard: boolean;
  mismatch: string;
  notice: string;
}

export interface ServerState {
  ready: boolean;
  stopping: boolean;
  why_lost: string;
  listeners: number;
  cores: number;
  load: number;
  strip: number[];
}

/** `streams`: with the languages that it has. `drains`: its name for that; none if it cannot. */
export interface MachineState {
  roles: ("hub" | "edge" | "interpreter")[];
  cores: number;
  load: number;
  streams: Record<string, string[]>;
  drains?: string;
  draining?: boolean;
  leaving?: boolean;
  ready?: boolean;
}

export interface Entry {
  kind: string;
  at_s: number;
  stream?: string;
  what?: string;
  code?: string;
  count?: number;
}

export interface Board {
  server: ServerState;
  streams: Record<string, StreamState>;
  machines: Record<string, MachineState>;
  news: Record<string, Entry>;
}

/** The answer of /api/operate/models. */
export interface Models {
  hears: Record<string, string>;
  speaks: Record<string, string>;
  translates: Record<string, Record<string, string>>;
  available: { name: string; kind: string; languages: string[]; bytes: number }[];
}

export interface Invitations {
  until: string;
  codes: { language: string; address: string; svg: string }[];
}

export interface Glossary {
  names: string[];
  words: Record<string, string[]>;
  terms: Record<string, string>[];
  problems: { entry: string; text: string; reason: string }[];
}

// How things stand with a speaker, in one word; the texts "speak.…" say it to them.

/** @import { troubleOf } from "./microphone.js" */

/**
 * What the page does: it speaks, rehearses (alone, to read what is understood), or waits in the
 * wings to speak.
 * @typedef {"speak" | "rehearse" | "wings"} Part
 */
/** @typedef {"insecure" | "unable" | ReturnType<typeof troubleOf>} Trouble */
/**
 * @typedef {Trouble | "ended" | "ready" | "mic_lost" | "rehearsing" | "paused" | "live"
 *   | "panel" | "muted" | "asking" | "handed_over" | "shut_out" | "reconnecting" | "opening"} Situation
 */
/**
 * What decides it.
 * @typedef {object} Facts
 * @property {Trouble | null} trouble
 * @property {boolean} ended
 * @property {Part | null} part null before the start and after the end
 * @property {boolean} open whether the sound of a microphone reaches the server
 * @property {boolean} lost whether that microphone was pulled out
 * @property {boolean} asks whether the speaker was asked to hand over
 * @property {boolean} shutOut whether the network lets no sound through
 * @property {boolean} wasLive
 * @property {{paused: boolean, panel: boolean, held: boolean}} pauses
 */

/**
 * @param {Facts} facts
 * @returns {Situation}
 */
export function situationOf(facts) {
  if (facts.trouble) return facts.trouble;
  if (facts.ended) return "ended";
  if (facts.part === null) return "ready";
  if (facts.open) return whileOpen(facts);
  if (facts.shutOut) return "shut_out";
  return facts.wasLive ? "reconnecting" : "opening";
}

/**
 * @param {Facts} facts
 * @returns {Situation}
 */
function whileOpen({ part, asks, lost, pauses: { paused, panel, held } }) {
  if (part === "wings" && !panel) return asks ? "asking" : "handed_over";
  if (lost) return "mic_lost";
  if (panel && paused) return "muted";
  if (panel) return held ? "paused" : part === "speak" ? "live" : "panel";
  return part === "rehearse" ? "rehearsing" : paused ? "paused" : "live";
}

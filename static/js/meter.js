// Measures the level of the microphone, and whether it is too quiet or too loud.
//
// Levels are in dB relative to full scale. Speech should be between -40 and -10 dB (peaks below
// 0). It is too quiet if it stays below QUIET_DB for some seconds, and clips at full scale.

import { t } from "./i18n.js";
import { oneSide, Sides } from "./sides.js";

/** @import { Side } from "./sides.js" */
/** @typedef {"good" | "quiet" | "clipping"} Hint */

const EVERY_MS = 50;
const HINT_EVERY_MS = 1000;
const WINDOW_MS = 4000;
const FLOOR_DB = -60;
const QUIET_DB = -42;
const FULL_SCALE = 0.985;

export class LevelMeter {
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;
  #timer = 0;

  /**
   * @param {(level: number) => void} onLevel is called 20 times a second, with dB
   * @param {(hint: Hint) => void} onHint is called when the hint is another
   * @param {(track: MediaStreamTrack, side: Side) => void} onSide is called when the two sides
   *   cancel each other, with a track of one of them, which is measured from then on
   */
  constructor(onLevel, onHint, onSide = () => {}) {
    this.onLevel = onLevel;
    this.onHint = onHint;
    this.onSide = onSide;
  }

  /** Call in a user gesture: some browsers start audio contexts only then. */
  prepare() {
    this.#context ??= new AudioContext();
    this.#context.resume();
    return this.#context;
  }

  /** @param {MediaStreamTrack} track */
  start(track) {
    this.stop();
    const context = this.#context ?? this.prepare();
    const source = context.createMediaStreamSource(new MediaStream([track]));
    this.#source = source;
    const splitter = context.createChannelSplitter(2);
    source.connect(splitter);
    const both = measuring(source);
    const left = measuring(splitter, 0);
    const right = measuring(splitter, 1);
    const sides = new Sides();
    /** @type {Side | null} */
    let side = null;
    let now = both;
    const hints = new HintWindow();
    /** @type {Hint | null} */
    let hint = null;
    let ticks = 0;
    this.#timer = setInterval(() => {
      side ??= sides.hear(left(), right());
      if (side !== null && now === both) {
        now = side === "left" ? left : right;
        this.onSide(oneSide(source, side), side);
      }
      const { level, peak } = measure(now());
      this.onLevel(level);
      hints.add(level, peak);
      ticks += 1;
      if (ticks % (HINT_EVERY_MS / EVERY_MS) === 0 && hints.full && hints.hint !== hint) {
        hint = hints.hint;
        this.onHint(hint);
      }
    }, EVERY_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#source?.disconnect();
    this.#source = null;
    this.onLevel(FLOOR_DB);
  }
}

/**
 * Returns a function that gives the last samples of an output of `node`.
 * @param {AudioNode} node
 */
function measuring(node, output = 0) {
  const analyser = node.context.createAnalyser();
  const samples = new Float32Array(analyser.fftSize);
  node.connect(analyser, output);
  return () => {
    analyser.getFloatTimeDomainData(samples);
    return samples;
  };
}

/** @param {Float32Array} samples */
export function measure(samples) {
  let power = 0;
  let peak = 0;
  for (const sample of samples) {
    power += sample * sample;
    peak = Math.max(peak, Math.abs(sample));
  }
  const level = 10 * Math.log10(power / samples.length + 1e-12);
  return { level: Math.max(level, FLOOR_DB), peak };
}

/** Chooses the hint by the loudest level of the last seconds. */
export class HintWindow {
  /** @type {{level: number, peak: number}[]} */
  #measured = [];

  /**
   * @param {number} level
   * @param {number} peak
   */
  add(level, peak) {
    this.#measured.push({ level, peak });
    if (this.#measured.length > WINDOW_MS / EVERY_MS) this.#measured.shift();
  }

  get full() {
    return this.#measured.length >= WINDOW_MS / EVERY_MS;
  }

  /** @returns {Hint} */
  get hint() {
    if (this.#measured.filter(({ peak }) => peak >= FULL_SCALE).length >= 2) return "clipping";
    return this.#measured.every(({ level }) => level < QUIET_DB) ? "quiet" : "good";
  }
}

/**
 * The hint for recorded samples: at most a window of them counts.
 * @param {Float32Array} samples
 * @param {number} rateHz
 */
export function hintOf(samples, rateHz) {
  const hints = new HintWindow();
  const step = Math.round(rateHz * EVERY_MS / 1000);
  for (let start = 0; start + step <= samples.length; start += step) {
    const { level, peak } = measure(samples.subarray(start, start + step));
    hints.add(level, peak);
  }
  return hints.hint;
}

/**
 * Shows a level, in decibels of full scale, on `bar`.
 * @param {HTMLElement} bar
 * @param {number} level
 */
export function drawLevel(bar, level) {
  bar.style.setProperty("--level", Math.max(0, (level + 60) / 60).toFixed(3));
  bar.setAttribute("aria-valuenow", String(Math.round(level)));
  bar.setAttribute("aria-valuetext", t("speak.level_value", { count: Math.round(level) }));
}

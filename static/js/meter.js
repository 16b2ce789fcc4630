// Measures the level of the microphone, and whether it is too quiet or too loud.
//
// Levels are in dB relative to full scale. Speech should be between -40 and -10 dB (peaks below
// 0). It is too quiet if it stays below QUIET_DB for some seconds, and clips at full scale.

import { t } from "./i18n.js";

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
  /** @type {AudioNode | null} */
  #source = null;
  #timer = 0;

  /**
   * @param {(level: number) => void} onLevel is called 20 times a second, with dB
   * @param {(hint: Hint) => void} onHint is called when the hint is another
   */
  constructor(onLevel, onHint) {
    this.onLevel = onLevel;
    this.onHint = onHint;
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
    const analyser = context.createAnalyser();
    const samples = new Float32Array(analyser.fftSize);
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    const hints = new HintWindow();
    /** @type {Hint | null} */
    let hint = null;
    let ticks = 0;
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const { level, peak } = measure(samples);
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
 * Shows a level, in decibels of full scale, on `bar`.
 * @param {HTMLElement} bar
 * @param {number} level
 */
export function drawLevel(bar, level) {
  bar.style.setProperty("--level", Math.max(0, (level + 60) / 60).toFixed(3));
  bar.setAttribute("aria-valuenow", String(Math.round(level)));
  bar.setAttribute("aria-valuetext", t("speak.level_value", { count: Math.round(level) }));
}

// The interpreter's page: /interpret/{stream}/{language}. A person hears the floor, and takes the
// language over from the machine or from a colleague, with one button.
//
// Whoever was on air when the connection broke is on air again when it is back, unless somebody
// else has taken over meanwhile.

/** @import { Situation, Trouble } from "./booth.js" */
/** @import { Hint } from "./meter.js" */
/** @import { Booth, ServerError } from "./messages.js" */
import { airText, showNews, showPeople, wordsFor } from "./booth.js";
import { CaptionView } from "./captions.js";
import { holdToCough } from "./cough.js";
import { Floor } from "./floor.js";
import { errorText, languageName, pageLanguage, t, translatePage } from "./i18n.js";
import { drawLevel, LevelMeter } from "./meter.js";
import { Microphone, microphonesExist, Superseded, troubleOf } from "./microphone.js";
import {
  chosenMicrophone, lineInWasChosen, offerMicrophones, rememberMicrophone, substituteText,
} from "./microphone_choice.js";
import { decoded, elementsById, recall, remember, showFailures, stream, takeToken } from "./page.js";
import { recordingText } from "./recording.js";
import { Sender } from "./sender.js";
import { Signaling } from "./signaling.js";
import { keepAwake } from "./wake_lock.js";

const page = elementsById({
  stream: HTMLElement, into: HTMLElement, light: HTMLElement, state: HTMLElement,
  hint: HTMLElement, way: HTMLElement, recording: HTMLElement, notice: HTMLElement,
  air: HTMLButtonElement, cough: HTMLButtonElement, meters: HTMLElement, floor_meter: HTMLElement,
  meter: HTMLElement, level_hint: HTMLElement, setup: HTMLFormElement, name: HTMLInputElement,
  microphone: HTMLSelectElement, leave: HTMLButtonElement, captions: HTMLElement,
  listeners: HTMLElement, people: HTMLElement, sound: HTMLAudioElement,
});
const token = takeToken();
const tag = decoded(location.pathname.split("/").at(-1) ?? "");
showFailures();
await translatePage();
const language = languageName(tag, pageLanguage);
const microphone = new Microphone();
const meter = new LevelMeter((level) => drawLevel(page.meter, level), showLevelHint);
const floorMeter = new LevelMeter((level) => drawLevel(page.floor_meter, level), () => {});
const floor = new Floor(page.sound, floorMeter);
const signaling = new Signaling(`ws/interpret/${stream}/${tag}`, () => ({
  name: page.name.value,
  captions: source === null ? [] : [source],
  audio: sender.overSocket ? "socket-opus" : "webrtc",
  token }));
const sender = new Sender(signaling, microphone, "sendrecv");
const updateWakeLock = keepAwake(() => inside);

let inside = false;
let coughing = false;
/** On air, as far as we know: also while the connection is lost. */
let onAir = false;
let returning = false;
let wasConnected = false;
/** @type {string | null} */
let source = null;
/** @type {Booth | null} */
let booth = null;
/** @type {Trouble | null} */
let trouble = microphonesExist ? null : "insecure";
/** @type {ServerError | null} */
let refusal = null;
/** @type {CaptionView | null} */
let captions = null;

// --- coming and going -----------------------------------------------------------------------

function enter() {
  trouble = Sender.supported ? null : "unable";
  if (trouble === null) {
    inside = true;
    wasConnected = onAir = returning = false;
    refusal = null;
    remember("localStorage", "tolk.name", page.name.value);
    meter.prepare();
    floorMeter.prepare();
    sender.reset();
    signaling.open();
    updateWakeLock();
  }
  render();
}

function leave() {
  inside = onAir = false;
  booth = null;
  signaling.close();
  sender.lose();
  meter.stop();
  floorMeter.stop();
  microphone.close();
  floor.stop();
  cough(false);
  updateWakeLock();
  render();
}

async function onConnected() {
  if (!microphone.track) await openMicrophone();
  if (inside && sender.connected) {
    wasConnected = true;
    floor.hear(sender.track);
  }
  render();
}

async function openMicrophone() {
  try {
    await microphone.open(chosenMicrophone(page.microphone), false);
  } catch (error) {
    if (error instanceof Superseded) return; // left, or chosen anew
    trouble = troubleOf(error);
    leave();
    return;
  }
  if (inside) await useMicrophone();
  else microphone.close();
}

/** Sends and shows what the microphone has now: also after it was lost, when the track is another. */
async function useMicrophone() {
  const { track } = microphone;
  if (!inside || track === null) return;
  track.enabled = !coughing;
  meter.start(track);
  render();
  await sender.send(track);
}

// --- on air, and not ------------------------------------------------------------------------

function pressAir() {
  if (booth === null) return;
  if (booth.on_air) signaling.send({ type: "on_air", on: false });
  else signaling.send({ type: "on_air", on: true, now: booth.asked });
}

/** @param {boolean} on */
function cough(on) {
  coughing = on;
  if (microphone.track) microphone.track.enabled = !on;
  page.cough.setAttribute("aria-pressed", String(on));
  render();
}

/** @param {Booth} now */
function takeBooth(now) {
  booth = now;
  if (returning && !now.on_air && (!now.name || now.name === page.name.value.trim())) {
    signaling.send({ type: "on_air", on: true });
  } else {
    onAir = now.on_air ?? false;
  }
  returning = false;
}

// --- what the server says -------------------------------------------------------------------

signaling.on("status", (status) => {
  if (status === "reconnecting") {
    sender.lose();
    booth = null;
  }
  if (inside && status === "closed") leave();
  render();
});
signaling.on("refused", (error) => {
  refusal = error;
  render();
});
signaling.on("sound", (packet) => floor.receive(packet));
signaling.on("message", async (message) => {
  switch (message.type) {
    case "joined":
      refusal = null;
      returning = onAir;
      sender.iceServers = message.ice_servers ?? [];
      page.recording.textContent = recordingText(message.recording);
      read(message.source);
      await sender.connect();
      break;
    case "answer":
      await sender.accept(message.sdp);
      break;
    case "state":
      page.recording.textContent = recordingText(message.recording);
      read(message.source);
      break;
    case "booth":
      takeBooth(message);
      break;
    case "caption":
      captions?.show(message);
      return;
    case "captions":
      captions?.restore(message.captions ?? []);
      return;
    case "error":
      if (message.code !== "timeout") refusal = message;
  }
  render();
});

/**
 * Shows captions in the language that is spoken.
 * @param {string | null | undefined} spoken
 */
function read(spoken) {
  source = spoken ?? null;
  if (source === null || source === captions?.language) return;
  captions = new CaptionView(page.captions, source, t("interpret.captions"));
  signaling.send({ type: "select", captions: [source] });
}

// --- what is shown --------------------------------------------------------------------------

/** @returns {Situation} */
function situation() {
  if (trouble) return trouble;
  if (!inside) return "ready";
  if (booth === null || !sender.connected || !microphone.track) {
    return sender.shutOut ? "shut_out" : wasConnected ? "reconnecting" : "opening";
  }
  if (microphone.lost) return "mic_lost";
  if (booth.on_air) return coughing ? "coughing" : (booth.heard ?? true) ? "on_air" : "unheard";
  if (booth.asked) return "asked";
  return booth.name ? "colleague" : "machine";
}

function render() {
  const now = situation();
  document.body.dataset.situation = now;
  [page.state.textContent, page.hint.textContent] = refusal
    ? [t("error.title"), errorText(refusal)]
    : wordsFor(now, language, booth, booth !== null && source === tag);
  const lit = now === "on_air" || now === "coughing";
  page.light.textContent = inside ? t(lit ? "interpret.light_on" : "interpret.light_off") : "";
  page.light.dataset.on = String(lit);
  page.way.textContent = inside && sender.overSocket
    ? t(sender.noPeers ? "speak.slow_browser"
      : sender.turnRefused ? "speak.slow_refused" : "speak.slow_way") : "";
  showNews(page.notice, booth, inside && floor.halted, substituteText(microphone));
  page.setup.hidden = inside;
  page.leave.hidden = page.meters.hidden = !inside;
  const appears = page.air.hidden && inside && booth !== null;
  page.air.hidden = page.cough.hidden = !inside || booth === null;
  page.cough.disabled = !booth?.on_air;
  page.air.textContent = airText(booth);
  // What had the focus is hidden now: the form, or the button while the connection was lost.
  if (appears && document.activeElement === document.body) page.air.focus();
  showPeople(page.people, page.listeners, booth);
}

/** @param {Hint} hint */
function showLevelHint(hint) {
  page.level_hint.textContent = coughing ? "" : t(`speak.level_${hint}`);
  page.meter.dataset.hint = hint;
}

// --- what the interpreter does --------------------------------------------------------------

page.setup.onsubmit = (event) => {
  event.preventDefault();
  enter();
};
page.leave.onclick = () => {
  leave();
  page.name.focus();
};
page.air.onclick = pressAir;
holdToCough(page.cough, () => booth?.on_air ?? false, cough);
page.microphone.onchange = () => {
  rememberMicrophone(page.microphone.value, lineInWasChosen());
  if (microphone.track) openMicrophone();
};
sender.addEventListener("connected", onConnected);
sender.addEventListener("change", render);
floor.addEventListener("change", render);
microphone.addEventListener("devices", () => offerMicrophones(page.microphone, microphone));
microphone.addEventListener("lost", render);
microphone.addEventListener("back", useMicrophone);
microphone.addEventListener("refused", () => {
  trouble = "denied";
  leave();
});
addEventListener("beforeunload", (event) => {
  if (onAir) event.preventDefault();
});

document.title = `${t("interpret.page")} · ${stream}`;
page.stream.textContent = stream;
page.into.textContent = t("interpret.into", { language });
page.name.value = recall("localStorage", "tolk.name") ?? "";
offerMicrophones(page.microphone, microphone);
render();

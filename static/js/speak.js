// The speaker's page: /speak/{stream}.
//
// The connection is made first and the microphone opened into it, so that not a word is lost
// between the two.

/** @import { Hint } from "./meter.js" */
/** @import { ServerError } from "./messages.js" */
import { showAudience } from "./audience.js";
import { CaptionView } from "./captions.js";
import { errorText, t, translatePage } from "./i18n.js";
import { drawLevel, LevelMeter } from "./meter.js";
import { Microphone, microphonesExist, troubleOf } from "./microphone.js";
import { lineInWasChosen, offerMicrophones, rememberMicrophone } from "./microphone_choice.js";
import {
  elementsById, fetchLanguages, fetchRecording, grants, showFailures, stream, takeToken,
} from "./page.js";
import { recordingText } from "./recording.js";
import { Sender } from "./sender.js";
import { showListenAddress } from "./share.js";
import { Signaling } from "./signaling.js";
import { SpokenLanguage } from "./spoken_language.js";
import { keepAwake } from "./wake_lock.js";

const page = elementsById({
  stream: HTMLElement, connection: HTMLElement, state: HTMLElement, hint: HTMLElement,
  way: HTMLElement, recording: HTMLElement, notice: HTMLElement, button: HTMLButtonElement, button_text: HTMLElement,
  meter_box: HTMLElement, meter: HTMLElement, level_hint: HTMLElement,
  spoken: HTMLElement, change_language: HTMLButtonElement, pause: HTMLButtonElement,
  setup: HTMLDetailsElement, language: HTMLSelectElement, microphone: HTMLSelectElement,
  line_in: HTMLInputElement, end: HTMLButtonElement, captions: HTMLElement,
  audience_total: HTMLElement, audience_channels: HTMLElement, qr: HTMLImageElement,
  address: HTMLAnchorElement, take_over: HTMLDialogElement, end_dialog: HTMLDialogElement,
});
const token = takeToken();
showFailures();
await translatePage();
const microphone = new Microphone();
const meter = new LevelMeter((level) => drawLevel(page.meter, level), showLevelHint);
const signaling = new Signaling(`ws/speak/${stream}`, () => ({
  language: language.chosen,
  audio: sender.overSocket ? "socket-opus" : "webrtc",
  token,
  take_over: takingOver || null }));
const sender = new Sender(signaling, microphone);
const language = new SpokenLanguage(page, signaling);
const updateWakeLock = keepAwake(() => speaking);

let speaking = false;
let paused = false;
let ended = false;
let takingOver = false;
let wasLive = false;
/** @type {"insecure" | "unable" | ReturnType<typeof troubleOf> | null} */
let trouble = microphonesExist ? null : "insecure";
/** @type {ServerError | null} */
let refusal = null;
/** @type {CaptionView | null} */
let captions = null;

// --- starting and stopping ----------------------------------------------------------------

function start() {
  if (!Sender.supported) {
    trouble = "unable";
    render();
    return;
  }
  speaking = true;
  paused = ended = wasLive = false;
  trouble = refusal = null;
  page.notice.textContent = "";
  page.setup.open = false;
  captions = null;
  page.captions.replaceChildren();
  sender.reset();
  meter.prepare();
  signaling.open();
  updateWakeLock();
  render();
}

/** Shows captions in the spoken language; none until it is known. */
function readSource() {
  const { source } = language;
  if (source === null || source === captions?.language) return;
  captions = new CaptionView(page.captions, source, t("speak.captions"));
}

function stop() {
  speaking = takingOver = false;
  signaling.close();
  sender.lose();
  meter.stop();
  microphone.close();
  showAudience(page.audience_total, page.audience_channels, { total: 0 });
  page.setup.open = true;
  updateWakeLock();
  render();
}

async function onConnected() {
  if (!microphone.track) await openMicrophone();
  if (sender.connected && microphone.track) wasLive = true;
  render();
}

/** Opens the chosen microphone and sends its audio. On failure, shows the reason and stops. */
async function openMicrophone() {
  try {
    const track = await microphone.open(page.microphone.value, page.line_in.checked);
    if (!speaking) {
      microphone.close();
      return;
    }
    track.enabled = !paused;
    await sender.send(track);
    meter.start(track);
  } catch (error) {
    trouble = troubleOf(error);
    stop();
  }
}

async function changeMicrophone() {
  rememberMicrophone(page.microphone.value, page.line_in.checked);
  if (microphone.track) await openMicrophone();
}

/** @param {boolean} on */
function pause(on) {
  paused = on;
  if (microphone.track) microphone.track.enabled = !on;
  signaling.send({ type: "pause", paused });
  render();
}

// --- what the server says -----------------------------------------------------------------

signaling.on("status", (status) => {
  if (status === "reconnecting") sender.lose();
  if (speaking && (ended || status === "closed")) stop();
  render();
});
signaling.on("refused", (error) => {
  if (error.code === "speaker_present" && !takingOver && grants(token, "take_over")) {
    stop();
    page.take_over.showModal();
  } else {
    refusal = error;
  }
  render();
});
signaling.on("message", async (message) => {
  switch (message.type) {
    case "joined":
      refusal = null;
      takingOver = false;
      language.joined(message.source);
      page.recording.textContent = recordingText(message.recording);
      readSource();
      sender.iceServers = message.ice_servers ?? [];
      if (paused) signaling.send({ type: "pause", paused });
      await sender.connect();
      break;
    case "answer":
      await sender.accept(message.sdp);
      break;
    case "state":
      refusal = null; // the server repeats a refusal that still applies
      if (message.state === "ended") {
        ended = true;
        stop();
      }
      language.take(message.source);
      page.recording.textContent = recordingText(message.recording);
      readSource();
      break;
    case "spoken":
      language.hear(message);
      break;
    case "audience":
      showAudience(page.audience_total, page.audience_channels, message);
      break;
    case "caption":
      captions?.show(message);
      return;
    case "captions":
      captions?.restore(message.captions ?? []);
      return;
    case "error":
      if (!language.refuses(message)) refusal = message;
  }
  render();
});

// --- what is shown ------------------------------------------------------------------------

function situation() {
  if (trouble) return trouble;
  if (ended) return "ended";
  if (!speaking) return "ready";
  if (signaling.status === "joined" && sender.connected && microphone.track) {
    return paused ? "paused" : "live";
  }
  return sender.shutOut ? "shut_out" : wasLive ? "reconnecting" : "opening";
}

function render() {
  const now = situation();
  document.body.dataset.situation = now;
  page.state.textContent = refusal ? t("error.title") : t(`speak.${now}`);
  page.hint.textContent = refusal ? errorText(refusal) : t(`speak.${now}_hint`);
  page.connection.textContent = t(`connection.${connection()}`);
  page.connection.hidden = !speaking;
  page.way.textContent = speaking && sender.overSocket
    ? t(sender.noPeers ? "speak.slow_browser" : "speak.slow_way") : "";
  page.button_text.textContent = t(speaking ? "speak.stop" : "speak.start");
  page.button.dataset.on = String(speaking);
  page.button.disabled = trouble === "insecure";
  language.render(speaking);
  page.pause.hidden = page.end.hidden = page.meter_box.hidden = !wasLive || !speaking;
  page.pause.textContent = t(paused ? "speak.resume" : "speak.pause");
  page.pause.setAttribute("aria-pressed", String(paused));
}

function connection() {
  if (signaling.status === "joined" && !sender.connected) {
    return wasLive ? "reconnecting" : "connecting";
  }
  if (signaling.status !== "joined") return signaling.status;
  return sender.overSocket ? "slow" : "connected";
}

/** @param {Hint} hint */
function showLevelHint(hint) {
  page.level_hint.textContent = paused ? "" : t(`speak.level_${hint}`);
  page.meter.dataset.hint = hint;
}

// --- what the speaker does ----------------------------------------------------------------

page.button.onclick = () => (speaking ? stop() : start());
page.pause.onclick = () => pause(!paused);
page.end.onclick = () => page.end_dialog.showModal();
page.end_dialog.onclose = () => {
  if (page.end_dialog.returnValue !== "yes" || signaling.status !== "joined") return;
  ended = true;
  signaling.send({ type: "end" });
};
page.take_over.onclose = () => {
  if (page.take_over.returnValue !== "yes") return;
  takingOver = true;
  start();
};
page.microphone.onchange = page.line_in.onchange = changeMicrophone;
sender.addEventListener("connected", onConnected);
sender.addEventListener("change", render);
language.addEventListener("change", render);
microphone.addEventListener("devices", () => offerMicrophones(page.microphone));
microphone.addEventListener("gone", async () => {
  page.notice.textContent = t("speak.unplugged");
  page.microphone.value = "";
  await openMicrophone();
});

document.title = `${t("speak.page")} · ${stream}`;
page.stream.textContent = stream;
page.line_in.checked = lineInWasChosen();
showAudience(page.audience_total, page.audience_channels, { total: 0 });
render();
showListenAddress(page.qr, page.address);
offerMicrophones(page.microphone);
language.offer(await fetchLanguages());
render();
const { recording } = await fetchRecording();
if (signaling.status === "closed") page.recording.textContent = recordingText(recording);

// The speaker's page: /speak/{stream}. `stage` knows how things stand; whatever changes it calls
// `render`, which draws the page.

/** @import { Hint } from "./meter.js" */
/** @import { Side } from "./sides.js" */
/** @import { Part, Situation } from "./situation.js" */
import { showAudience } from "./audience.js";
import { CaptionView } from "./captions.js";
import { showAsking } from "./hand_over.js";
import { errorText, t, translatePage } from "./i18n.js";
import { Lobby } from "./lobby.js";
import { drawLevel, LevelMeter } from "./meter.js";
import {
  chosenMicrophone, lineInWasChosen, offerMicrophones, rememberMicrophone, substituteText,
} from "./microphone_choice.js";
import { MicrophoneTest } from "./microphone_test.js";
import { Monitor } from "./monitor.js";
import {
  elementsById, fetchLanguages, fetchRecording, grants, showFailures, stream, takeToken,
} from "./page.js";
import { recordingText } from "./recording.js";
import { offerInvitations, showListenAddress } from "./share.js";
import { SpokenLanguage } from "./spoken_language.js";
import { Stage } from "./stage.js";
import { keepAwake } from "./wake_lock.js";

const page = elementsById({
  stream: HTMLElement, alarm: HTMLElement, connection: HTMLElement, state: HTMLElement,
  hint: HTMLElement, way: HTMLElement, recording: HTMLElement, notice: HTMLElement,
  button: HTMLButtonElement, button_text: HTMLElement, meter_box: HTMLElement, meter: HTMLElement,
  level_hint: HTMLElement, spoken: HTMLElement, change_language: HTMLButtonElement,
  pause: HTMLButtonElement, panel: HTMLInputElement, panel_box: HTMLElement, setup: HTMLDetailsElement, language: HTMLSelectElement,
  language_hint: HTMLElement, microphone: HTMLSelectElement, line_in: HTMLInputElement,
  test: HTMLButtonElement, rehearse: HTMLButtonElement, test_state: HTMLElement,
  end: HTMLButtonElement, captions: HTMLElement, audience_total: HTMLElement,
  audience_channels: HTMLElement, qr: HTMLImageElement, address: HTMLAnchorElement,
  share_hint: HTMLElement, share_language: HTMLSelectElement,
  monitor: HTMLElement, monitor_language: HTMLSelectElement, monitor_sound: HTMLInputElement,
  monitor_captions: HTMLElement, monitor_state: HTMLElement, pace: HTMLElement,
  sound: HTMLAudioElement, asking: HTMLElement, seize: HTMLButtonElement,
  ask: HTMLButtonElement, ask_text: HTMLElement,
  seize_text: HTMLElement, take_over: HTMLDialogElement, end_dialog: HTMLDialogElement,
});
const token = takeToken();
showFailures();
await translatePage();
const stage = new Stage(
  () => ({ language: language.chosen, token }),
  () => ({ deviceId: chosenMicrophone(page.microphone), lineIn: page.line_in.checked }));
const { microphone, sender, signaling } = stage;
const meter = new LevelMeter((level) => drawLevel(page.meter, level), showLevelHint, takeSide);
const testing = new MicrophoneTest(microphone, meter);
const language = new SpokenLanguage(page, signaling);
const lobby = new Lobby(token);
const monitor = new Monitor(page, token);
const updateWakeLock = keepAwake(() => stage.part !== null);

/** @type {Hint | null} */
let levelHint = null;
/** @type {CaptionView | null} */
let captions = null;

/**
 * @param {Part} part
 * @param {boolean} takingOver
 */
function start(part, takingOver = false) {
  if (language.chosen === "") {
    language.ask();
    return;
  }
  testing.cancel();
  levelHint = null;
  page.notice.textContent = "";
  captions = null;
  page.captions.replaceChildren();
  meter.prepare();
  stage.start(part, takingOver);
  page.setup.open = stage.part === null;
  if (stage.part && part !== "rehearse") lobby.leave();
}

/** Shows captions in the spoken language; none until it is known. */
function readSource() {
  const { source } = language;
  if (source === null || source === captions?.language) return;
  captions = new CaptionView(page.captions, source, t("speak.captions"));
}

/**
 * The two sides of the sound cancel each other: sends this one, and tells the speaker.
 * @param {MediaStreamTrack} track
 * @param {Side} side
 */
async function takeSide(track, side) {
  microphone.take(track);
  page.notice.textContent = t(`speak.cancelling_${side}`);
  await sender.send(track);
}

async function changeMicrophone() {
  page.notice.textContent = "";
  rememberMicrophone(page.microphone.value, page.line_in.checked);
  if (stage.part && microphone.track) await stage.openMicrophone();
}

signaling.on("message", (message) => {
  switch (message.type) {
    case "asking":
      showAsking(page.asking, message.who ?? [], (number, granted) => stage.answer(number, granted));
      return;
    case "turn":
      page.notice.textContent = message.declined ? t("speak.declined") : "";
      page.asking.replaceChildren();
      return;
    case "joined":
    case "state":
      if (message.type === "joined") language.joined(message.source);
      else language.take(message.source);
      page.recording.textContent = recordingText(message.recording);
      readSource();
      break;
    case "lag":
      monitor.fallBehind(message);
      return;
    case "spoken":
      language.hear(message);
      break;
    case "caption":
      captions?.show(message);
      return;
    case "captions":
      captions?.restore(message.captions ?? []);
      return;
    case "error":
      // Of a connection that is lost the page itself says so, and makes another.
      if (message.code !== "timeout" && !language.refuses(message)) stage.refusal = message;
      break;
    default:
      return;
  }
  render();
});

// --- what is shown ------------------------------------------------------------------------

function render() {
  const now = stage.situation;
  const { refusal } = stage;
  const live = stage.part === "speak";
  const there = live || stage.part === "wings";
  const heard = ["live", "rehearsing"].includes(now);
  document.body.dataset.situation = now;
  page.state.textContent = refusal ? t("error.title") : t(`speak.${now}`);
  page.hint.textContent = refusal ? errorText(refusal)
    : t(now === "ready" && lobby.occupied ? lobby.panel ? "speak.panel_ready_hint" : "speak.occupied_hint" : `speak.${now}_hint`);
  showAlarm();
  page.connection.textContent = t(`connection.${connection()}`);
  page.connection.hidden = stage.part === null;
  page.way.textContent = stage.part && sender.overSocket
    ? t(sender.noPeers ? "speak.slow_browser"
      : sender.turnRefused ? "speak.slow_refused" : "speak.slow_way") : "";
  page.button_text.textContent = t(buttonText(now));
  page.button.dataset.on = String(stage.part !== null && now !== "handed_over");
  page.button.disabled = stage.trouble === "insecure";
  language.render(stage.part !== null);
  page.end.hidden = page.panel_box.hidden = !live || !stage.wasLive;
  page.panel.checked = stage.pauses.wantedPanel ?? stage.pauses.panel;
  page.pause.hidden = page.end.hidden && !(there && stage.pauses.panel);
  page.pause.textContent = t(stage.pauses.paused
    ? stage.pauses.panel ? "speak.unmute" : "speak.resume"
    : stage.pauses.panel ? "speak.mute" : "speak.pause");
  monitor.show(live || (there && stage.pauses.panel) ? language.source : null);
  page.meter_box.hidden = microphone.track === null;
  page.level_hint.textContent = heard && levelHint ? t(`speak.level_${levelHint}`) : "";
  page.test.disabled = page.rehearse.disabled =
    stage.part !== null || testing.running || stage.trouble === "insecure";
  page.test_state.textContent = testing.words;
  showAudience(page.audience_total, page.audience_channels,
    there ? stage.audience : lobby.audience, !there && !lobby.occupied);
}

/** @param {Situation} now */
function buttonText(now) {
  if (now === "handed_over") return "speak.ask";
  switch (stage.part) {
    case "rehearse":
      return "speak.rehearse_stop";
    case "wings":
      return stage.pauses.panel ? "speak.stop" : "speak.ask_stop";
    default:
      return stage.part ? "speak.stop" : "speak.start";
  }
}

/** Who was live and is not heard any more must not miss it. */
function showAlarm() {
  const text = stage.unheard ? t("speak.alarm") : "";
  if (page.alarm.textContent !== text) page.alarm.textContent = text;
  document.title = `${stage.unheard ? "⚠ " : ""}${t("speak.page")} · ${stream}`;
}

function connection() {
  if (signaling.status === "joined" && !sender.connected) {
    return stage.wasLive ? "reconnecting" : "connecting";
  }
  if (signaling.status !== "joined") return signaling.status;
  return sender.overSocket ? "slow" : "connected";
}

/** @param {Hint} hint */
function showLevelHint(hint) {
  levelHint = hint;
  page.meter.dataset.hint = hint;
  render();
}

// --- what the speaker does ----------------------------------------------------------------

page.button.onclick = () => {
  if (stage.situation === "handed_over") stage.ask();
  else if (stage.part) stage.leave();
  else start(lobby.occupied && lobby.panel ? "wings" : "speak");
};
page.pause.onclick = () => stage.pause(!stage.pauses.paused);
page.panel.onchange = () => stage.holdPanel(page.panel.checked);
page.end.onclick = () => {
  page.end_dialog.returnValue = "no"; // or Escape would repeat the last answer
  page.end_dialog.showModal();
};
page.end_dialog.onclose = () => {
  if (page.end_dialog.returnValue === "yes") stage.end();
};
page.take_over.onclose = () => {
  if (page.take_over.returnValue === "yes") start("speak", true);
  if (page.take_over.returnValue === "ask") start("wings");
};
page.test.onclick = () => testing.run(chosenMicrophone(page.microphone), page.line_in.checked);
page.rehearse.onclick = () => start("rehearse");
page.microphone.onchange = page.line_in.onchange = changeMicrophone;

stage.addEventListener("change", () => {
  updateWakeLock();
  render();
});
stage.addEventListener("track", () => {
  if (microphone.track) meter.start(microphone.track);
  page.notice.textContent = substituteText(microphone);
});
stage.addEventListener("stop", () => {
  meter.stop();
  monitor.forget();
  page.asking.replaceChildren();
  page.setup.open = true;
  if (!stage.ended) lobby.enter();
});
stage.addEventListener("back", () => {
  page.notice.textContent = substituteText(microphone) || t("speak.mic_back");
});
stage.addEventListener("occupied", () => {
  // Whoever speaks at another server cannot be asked here; the page says where that is.
  const elsewhere = Boolean(stage.refusal?.place);
  if (stage.pauses.panel && !elsewhere) { // somebody else spoke while the connection was gone
    start("wings");
    return;
  }
  page.ask.hidden = page.ask_text.hidden = elsewhere;
  page.seize.hidden = page.seize_text.hidden = !grants(token, "take_over");
  if (elsewhere && page.seize.hidden) return;
  page.take_over.returnValue = "no";
  page.take_over.showModal();
});
testing.addEventListener("change", render);
lobby.addEventListener("change", render);
language.addEventListener("change", render);
microphone.addEventListener("lost", () => {
  page.notice.textContent = "";
});
microphone.addEventListener("devices", () => offerMicrophones(page.microphone, microphone));

page.stream.textContent = stream;
page.line_in.checked = lineInWasChosen();
render();
lobby.enter();
offerMicrophones(page.microphone, microphone);
const languages = await fetchLanguages();
language.offer(languages);
offerInvitations(page.share_language, languages, (chosen) =>
  showListenAddress({ image: page.qr, link: page.address, hint: page.share_hint }, token, chosen));
monitor.know(languages);
render();
const { recording } = await fetchRecording();
if (signaling.status === "closed") page.recording.textContent = recordingText(recording);

// The speaker's page: /speak/{stream}.
//
// The page connects first and then opens the microphone, so that no word is lost in between. If
// the connection is lost, it makes a new one for the same microphone.

import { showAudience } from "./audience.js";
import { CaptionView } from "./captions.js";
import { t, translatePage } from "./i18n.js";
import { drawLevel, LevelMeter } from "./meter.js";
import { Microphone, microphonesExist, troubleOf } from "./microphone.js";
import { lineInWasChosen, offerMicrophones, rememberMicrophone } from "./microphone_choice.js";
import { elementsById, fetchLanguages, grants, stream, takeToken } from "./page.js";
import { showListenAddress } from "./share.js";
import { Signaling } from "./signaling.js";
import { SocketMicrophone } from "./socket_microphone.js";
import { SpokenLanguage } from "./spoken_language.js";
import { keepAwake } from "./wake_lock.js";
import { Peer } from "./webrtc.js";

const page = elementsById();
const token = takeToken();
const microphone = new Microphone();
const meter = new LevelMeter((level) => drawLevel(page.meter, level), showLevelHint);
const signaling = new Signaling(`/ws/speak/${stream}`, () => ({
  language: language.chosen,
  audio: overSocket ? "socket-opus" : "webrtc",
  token,
  take_over: takingOver || null }));
const language = new SpokenLanguage(page, signaling);
const updateWakeLock = keepAwake(() => speaking);

let speaking = false;
let paused = false;
let ended = false;
let takingOver = false;
let wasLive = false;
/** No peer connection is possible on this network: audio goes over the socket, until stopped. */
let overSocket = false;
/** Only the socket works on this network, and this browser cannot send audio over it. */
let shutOut = false;
let trouble = microphonesExist ? null : "insecure";
let refusal = null;
let iceServers = [];
let peer = null;
let captions = null;

// --- starting and stopping ----------------------------------------------------------------

function start() {
  speaking = true;
  paused = ended = wasLive = overSocket = shutOut = false;
  trouble = refusal = null;
  page.notice.textContent = "";
  page.setup.open = false;
  captions = null;
  page.captions.replaceChildren();
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
  losePeer();
  meter.stop();
  microphone.close();
  showAudience(page.audience_total, page.audience_channels, { total: 0 });
  page.setup.open = true;
  updateWakeLock();
  render();
}

function losePeer() {
  peer?.close();
  peer = null;
}

/** Starts sending audio in a session that has just begun. */
async function connect() {
  if (!overSocket) {
    await offer();
    return;
  }
  losePeer();
  peer = new SocketMicrophone(signaling);
  const mine = peer;
  mine.addEventListener("failed", connect);
  if (microphone.track) await mine.send(microphone.track);
  await onConnected(mine);
}

async function offer() {
  losePeer();
  peer = new Peer("sendonly");
  const mine = peer;
  mine.addEventListener("connected", () => onConnected(mine));
  mine.addEventListener("doubtful", () => {
    signaling.probe();
    render();
  });
  mine.addEventListener("failed", offer);
  mine.addEventListener("blocked", goByTheSocket);
  if (microphone.track) await mine.send(microphone.track);
  const sdp = await mine.offer(iceServers);
  if (mine === peer) signaling.send({ type: "offer", sdp });
}

/** No peer connection is possible on this network: join again, with audio over the socket. */
function goByTheSocket() {
  shutOut = !SocketMicrophone.supported;
  if (shutOut) {
    offer(); // the network may have changed
  } else {
    overSocket = true;
    losePeer();
    signaling.open();
  }
  render();
}

async function onConnected(mine) {
  if (!microphone.track) await openMicrophone();
  if (mine === peer && microphone.track) wasLive = true;
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
    await peer?.send(track);
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

function pause(on) {
  paused = on;
  if (microphone.track) microphone.track.enabled = !on;
  signaling.send({ type: "pause", paused });
  render();
}

// --- what the server says -----------------------------------------------------------------

signaling.addEventListener("status", ({ detail: status }) => {
  if (status === "reconnecting") losePeer();
  if (speaking && (ended || status === "closed")) stop();
  render();
});
signaling.addEventListener("refused", ({ detail }) => {
  if (detail.code === "speaker_present" && !takingOver && grants(token, "take_over")) {
    stop();
    page.take_over.showModal();
  } else {
    refusal = detail;
  }
  render();
});
signaling.addEventListener("message", async ({ detail: message }) => {
  switch (message.type) {
    case "joined":
      refusal = null;
      takingOver = false;
      language.joined(message.source);
      readSource();
      iceServers = message.ice_servers ?? [];
      if (paused) signaling.send({ type: "pause", paused });
      await connect();
      break;
    case "answer":
      await peer?.accept(message.sdp);
      break;
    case "state":
      refusal = null; // the server repeats a refusal that still applies
      if (message.state === "ended") {
        ended = true;
        stop();
      }
      language.take(message.source);
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
  if (signaling.status === "joined" && peer?.connected && microphone.track) {
    return paused ? "paused" : "live";
  }
  return shutOut ? "shut_out" : wasLive ? "reconnecting" : "opening";
}

function render() {
  const now = situation();
  document.body.dataset.situation = now;
  page.state.textContent = refusal ? t("error.title") : t(`speak.${now}`);
  page.hint.textContent = refusal ? t(`error.${refusal.code}`) : t(`speak.${now}_hint`);
  page.connection.textContent = t(`connection.${connection()}`);
  page.connection.hidden = !speaking;
  page.way.textContent = speaking && overSocket ? t("speak.slow_way") : "";
  page.button_text.textContent = t(speaking ? "speak.stop" : "speak.start");
  page.button.dataset.on = speaking;
  page.button.disabled = trouble === "insecure";
  language.render(speaking);
  page.pause.hidden = page.end.hidden = page.meter_box.hidden = !wasLive || !speaking;
  page.pause.textContent = t(paused ? "speak.resume" : "speak.pause");
  page.pause.setAttribute("aria-pressed", String(paused));
}

function connection() {
  if (signaling.status === "joined" && !peer?.connected) {
    return wasLive ? "reconnecting" : "connecting";
  }
  if (signaling.status !== "joined") return signaling.status;
  return overSocket ? "slow" : "connected";
}

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
language.addEventListener("change", render);
microphone.addEventListener("devices", () => offerMicrophones(page.microphone));
microphone.addEventListener("gone", async () => {
  page.notice.textContent = t("speak.unplugged");
  page.microphone.value = "";
  await openMicrophone();
});

translatePage();
document.title = `${t("speak.page")} · ${stream}`;
page.stream.textContent = stream;
page.line_in.checked = lineInWasChosen();
showAudience(page.audience_total, page.audience_channels, { total: 0 });
render();
showListenAddress(page.qr, page.address);
offerMicrophones(page.microphone);
language.offer(await fetchLanguages());
render();

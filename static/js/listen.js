// The listener's page: /listen/{stream}.
//
// Captions and state come from the moment the page is open; sound from the button on. Both
// come over one session: starting and stopping the sound joins anew in its place.
// `listener` knows how things stand; whatever changes it calls `render`, which draws the page.

/** @import { Situation } from "./listener.js" */
import { CaptionView, CaptionViews } from "./captions.js";
import { languageName, t, textDirection, translatePage } from "./i18n.js";
import { Listener } from "./listener.js";
import { showNotice } from "./notice.js";
import { addressAt, at, elementsById, fetchLanguages, first, recall, remember, showFailures, stream,
  takeFromFragment, takeToken } from "./page.js";
import { Player } from "./player.js";
import { prepareReading } from "./reading.js";
import { recordingText } from "./recording.js";
import { Signaling } from "./signaling.js";
import { showStreams } from "./streams.js";
import { languagesFor } from "./token.js";
import { Transcript } from "./transcript.js";
import { keepAwake } from "./wake_lock.js";

const BALANCES = /** @type {const} */ (["listen.balance_0", "listen.balance_1", "listen.balance_2"]);

const page = elementsById({
  stream: HTMLElement, state: HTMLElement, hint: HTMLElement, way: HTMLElement,
  recording: HTMLElement, notice: HTMLElement, button: HTMLButtonElement, button_text: HTMLElement,
  language: HTMLSelectElement, balance: HTMLInputElement, source: HTMLInputElement, announce: HTMLInputElement, contrast: HTMLInputElement,
  fullscreen: HTMLButtonElement, search: HTMLInputElement, found: HTMLElement,
  copy: HTMLButtonElement, save: HTMLButtonElement, share: HTMLButtonElement, kept: HTMLElement,
  only_captions: HTMLAnchorElement,
  volume_box: HTMLElement, volume: HTMLInputElement, smaller: HTMLButtonElement, larger: HTMLButtonElement,
  captions: HTMLElement, source_box: HTMLElement, source_captions: HTMLElement,
  sound: HTMLAudioElement, streams: HTMLElement, streams_box: HTMLElement, announcement: HTMLElement,
});
const token = takeToken();
/** Whether they listened at another server until now. It ends with a press, or a refusal to play. */
let goesOn = takeFromFragment("listening") !== null;
showFailures();
await translatePage();
const player = new Player(page.sound);
const listener = new Listener(
  recall("localStorage", "tolk.language"), navigator.languages, stream, languagesFor(token));
const views = new CaptionViews((languages) => languages.map((tag, i) =>
  new CaptionView(
    [page.captions, page.source_captions][i],
    tag,
    `${t("captions.title")}: ${languageName(tag)}`)));
const transcript = new Transcript();
const signaling = new Signaling(`ws/listen/${stream}`, () => ({
  ...listener.tell(),
  audio: !player.on ? "none" : player.overSocket ? "socket" : "webrtc",
  turn_refused: (player.overSocket && player.turnRefused) || null,
  token }));
const updateWakeLock = keepAwake(() => listener.reads && signaling.status !== "closed");

// --- what the server says -------------------------------------------------------------------

/**
 * Selects the wanted channel and captions, if they changed; the connection stays as it is. What is
 * chosen while there is no session is selected when there is one.
 */
function select() {
  const changed = listener.want(page.balance.valueAsNumber, page.source.checked);
  if (changed && signaling.status === "joined") {
    listener.refusal = null; // it was about what was asked before
    signaling.send({ type: "select", ...listener.tell() });
  }
}

async function offer() {
  if (player.on && !player.overSocket) {
    signaling.send({ type: "offer", sdp: await player.offer() });
  }
}

/** No peer connection is possible on this network: join again, with audio over the socket. */
function goByTheSocket() {
  if (signaling.status === "closed") return; // the sound has gone on in another window
  if (player.useSocket()) signaling.open();
  else offer(); // somewhere else it may come through
  render();
}

signaling.on("status", (status) => {
  if (status === "reconnecting" || status === "closed") player.lose();
  render();
});
signaling.on("refused", (error) => {
  listener.refuse(error, token);
  render();
});
signaling.on("message", async (message) => {
  switch (message.type) {
    case "joined":
      listener.refusal = null;
      player.iceServers = message.ice_servers ?? [];
      listener.takeSession(message);
      page.recording.textContent = recordingText(message.recording);
      select();
      render();
      await offer();
      break;
    case "answer":
      await player.accept(message.sdp);
      break;
    case "state":
      listener.takeSession(message);
      page.recording.textContent = recordingText(message.recording);
      select();
      break;
    case "channel":
      listener.refusal = null; // what is sent was not refused
      listener.channel = message;
      break;
    case "notice":
      showNotice(page.announcement, message, [...navigator.languages, listener.language]);
      return;
    case "caption":
      transcript.take(message);
      views.show(message);
      return;
    case "captions":
      for (const caption of message.captions ?? []) transcript.take(caption);
      views.restore(message.captions ?? []);
      return;
    case "error":
      // The server notices earlier than the browser that the connection is lost.
      if (message.code === "timeout") await offer();
      else listener.refuse(message, token);
  }
  render();
});
signaling.on("sound", (packet) => player.receive(packet));
signaling.on("load", (url) => location.replace(addressAt(url,
  { language: listener.chosen }, { token, listening: player.on && !silenced() ? "on" : null })));
player.addEventListener("change", () => {
  if (goesOn && player.held) {
    // Nobody has pressed anything in this page yet: it is as if it had just been opened.
    goesOn = false;
    player.stop();
    signaling.open();
  }
  render();
});
player.addEventListener("doubtful", () => signaling.probe());
player.addEventListener("failed", offer);
player.addEventListener("blocked", goByTheSocket);

// --- what is shown --------------------------------------------------------------------------

/** Draws the whole page from how things stand. */
function render() {
  const now = listener.situation(player, signaling.status);
  const stopped = now === "refused" && signaling.status === "closed";
  document.body.dataset.situation = now;
  page.state.textContent = listener.title(now);
  page.hint.textContent = listener.hint(now, player.on);
  page.notice.textContent = listener.notice;
  showStreams(page.streams, page.streams_box, listener.lost(now) ? first.streams ?? [] : []);
  page.way.textContent = player.overSocket
    ? t(player.noPeers ? "listen.slow_browser"
      : player.turnRefused ? "listen.slow_refused" : "listen.slow_way") : "";
  page.button_text.textContent = t(
    stopped ? "error.continue"
      : player.halted ? "listen.go_on"
        : player.held ? "listen.tap" : player.on ? "listen.stop" : "listen.start");
  page.button.dataset.on = String(player.on && !silenced() && !stopped);
  page.balance.disabled = !listener.offered.includes(listener.language);
  page.balance.ariaValueText = t(BALANCES[page.balance.valueAsNumber]);
  page.announce.checked = announces();
  views.announce(announces());
  page.only_captions.href = captionsAddress();
  page.source_box.hidden = listener.asked.captions.length < 2;
  views.select(listener.asked.captions);
  showLanguages();
  showMediaSession(now);
  updateWakeLock();
}

/** Whether a screen reader reads captions: it would talk over the sound, unless that is wished. */
function announces() {
  const wished = recall("localStorage", "tolk.announce");
  return wished === null ? !player.on : wished === "true";
}

/** The page with nothing but these captions. */
function captionsAddress() {
  const captions = listener.asked.captions.map((tag) => `language=${tag}`).join("&");
  return at(`captions/${encodeURIComponent(stream)}${captions && `?${captions}`}`);
}

/** Whether only another tap is missing. */
function silenced() {
  return player.held || player.halted;
}

function showLanguages() {
  const { language: list } = page;
  const tags = listener.offered;
  // An open list would close if it were replaced by the same.
  if ([...list.options].map(({ value }) => value).join() !== ["floor", ...tags].join()) {
    list.replaceChildren(new Option(t("listen.floor"), "floor"), ...tags.map((tag) => {
      const option = new Option(languageName(tag), tag);
      option.lang = tag;
      option.dir = textDirection(tag);
      return option;
    }));
  }
  const chosen = tags.includes(listener.language) ? listener.language : "floor";
  if (list.value !== chosen) list.value = chosen;
}

/** @param {Situation} now */
function showMediaSession(now) {
  if (!("mediaSession" in navigator)) return;
  navigator.mediaSession.metadata = new MediaMetadata({
    title: stream, artist: page.hint.textContent || page.state.textContent, album: "Tolk" });
  navigator.mediaSession.playbackState =
    !player.on ? "none" : now === "paused" || silenced() ? "paused" : "playing";
}

// --- what the listener does -------------------------------------------------------------------

function toggle() {
  goesOn = false;
  if (silenced() && signaling.status !== "closed") {
    player.play();
    return;
  }
  if (player.on && signaling.status !== "closed") player.stop();
  else player.start();
  listener.refusal = null;
  signaling.open();
  render();
}

page.button.onclick = toggle;
page.language.onchange = () => {
  listener.choose(page.language.value);
  remember("localStorage", "tolk.language", page.language.value);
  select();
  render();
};
page.source.checked = recall("localStorage", "tolk.source") === "true";
page.source.onchange = () => {
  remember("localStorage", "tolk.source", String(page.source.checked));
  select();
  render();
};
page.balance.value = recall("localStorage", "tolk.balance") ?? "2";
page.balance.oninput = () => {
  remember("localStorage", "tolk.balance", page.balance.value);
  select();
  render();
};
page.announce.onchange = () => {
  remember("localStorage", "tolk.announce", String(page.announce.checked));
  render();
};
page.sound.volume = 0.5;
page.volume_box.hidden = page.sound.volume !== 0.5; // iPhones have their buttons only
page.volume.value = recall("localStorage", "tolk.volume") ?? "100";
page.sound.volume = page.volume.valueAsNumber / 100;
page.volume.oninput = () => {
  page.sound.volume = page.volume.valueAsNumber / 100;
  remember("localStorage", "tolk.volume", page.volume.value);
};
prepareReading(page, views, transcript);
navigator.mediaSession?.setActionHandler("pause", () => player.pause());
navigator.mediaSession?.setActionHandler("play", () => {
  if (player.on && signaling.status !== "closed") player.play();
  else toggle();
});

document.title = `${t("listen.page")} · ${stream}`;
page.stream.textContent = stream;
listener.know(await fetchLanguages());
listener.prefer(new URL(location.href).searchParams.get("language"));
if (first.session) listener.takeSession(first.session);
select();
if (goesOn) player.start();
signaling.open();
render();

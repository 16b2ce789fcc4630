// The listener's page: /listen/{stream}.
//
// Captions and state arrive as soon as the page is open; audio only after the button is pressed.
// One session carries both: to start or stop the audio, the page joins again and replaces it.

import { CaptionView } from "./captions.js";
import { captionsFor, channelFor, firstLanguage, languagesOf } from "./channels.js";
import { languageName, t, textDirection, translatePage } from "./i18n.js";
import { elementsById, fetchLanguages, recall, remember, stream, takeToken } from "./page.js";
import { Player } from "./player.js";
import { Signaling } from "./signaling.js";
import { SocketSound } from "./socket_sound.js";

/** The reasons for a fallback that have a text of their own. */
const REASONS = ["broken", "slow", "restarting", "full"];
const SIZES = [0.85, 1, 1.2, 1.45, 1.75, 2.1];

const page = elementsById();
const token = takeToken();
const player = new Player(page.sound);
const signaling = new Signaling(`/ws/listen/${stream}`, joinFields);

let everyChannel = ["floor"];
/** Languages whose voice is hard to understand. */
let unclear = [];
let session = { state: null, source: null, channels: everyChannel };
let chosen = recall("localStorage", "tolk.language");
let channel = { channel: "floor", status: "starting" };
let language = "floor";
let asked = { channel: "floor", captions: [] };
let refusal = null;
let iceServers = [];
/** Only the WebSocket works on this network, and this browser cannot play audio from it. */
let shutOut = false;
let views = [];

function joinFields() {
  const audio = !player.on ? "none" : player.overSocket ? "socket" : "webrtc";
  return { ...asked, audio, token };
}

// --- what is wanted -----------------------------------------------------------------------

function wanted() {
  const name = channelFor(language, page.over.checked, session.channels);
  return { channel: name, captions: captionsFor(name, session.source, page.source.checked) };
}

/** Selects the wanted channel and captions, if they changed; the connection stays as it is. */
function select() {
  const next = wanted();
  if (JSON.stringify(next) !== JSON.stringify(asked)) {
    asked = next;
    signaling.send({ type: "select", ...asked });
  }
  showCaptionViews();
}

/** Takes over the stream's state. Until somebody speaks, any language may be chosen. */
function setSession({ state, source = null, channels = [] }) {
  session = { state, source, channels: source === null ? everyChannel : channels };
  language = firstLanguage(chosen, navigator.languages, session.channels, source);
  fillLanguages();
  select();
}

function fillLanguages() {
  const offered = languagesOf(session.channels).filter((tag) => tag !== session.source);
  const options = [new Option(t("listen.floor"), "floor")];
  for (const tag of offered) {
    const option = new Option(languageName(tag), tag);
    option.lang = tag;
    option.dir = textDirection(tag);
    options.push(option);
  }
  // Replacing the options would close an open list, so do it only if they changed.
  if ([...page.language.options].map((o) => o.value).join() !== options.map((o) => o.value).join()) {
    page.language.replaceChildren(...options);
  }
  page.language.value = offered.includes(language) ? language : "floor";
}

// --- what the server says -------------------------------------------------------------------

async function offer() {
  if (player.on && !player.overSocket) {
    signaling.send({ type: "offer", sdp: await player.offer(iceServers) });
  }
}

/** No peer connection is possible on this network: join again, with audio over the socket. */
function goByTheSocket() {
  shutOut = !SocketSound.supported;
  if (shutOut) {
    offer(); // the network may have changed
  } else {
    player.useSocket();
    signaling.open();
  }
  render();
}

signaling.addEventListener("status", ({ detail: status }) => {
  if (status === "reconnecting") player.lose();
  render();
});
signaling.addEventListener("refused", ({ detail }) => {
  refusal = detail;
  render();
});
signaling.addEventListener("message", async ({ detail: message }) => {
  switch (message.type) {
    case "joined":
      refusal = null;
      iceServers = message.ice_servers ?? [];
      setSession(message);
      await offer();
      break;
    case "answer":
      await player.accept(message.sdp);
      break;
    case "state":
      setSession(message);
      break;
    case "channel":
      channel = message;
      break;
    case "caption":
      for (const view of views) view.show(message);
      return;
    case "captions":
      for (const view of views) view.restore(message.captions ?? []);
      return;
    case "error":
      // The server notices earlier than the browser that the connection is lost.
      if (message.code === "timeout") await offer();
      else refusal = message;
  }
  render();
});
signaling.addEventListener("sound", ({ detail: packet }) => player.receive(packet));
player.addEventListener("change", render);
player.addEventListener("doubtful", () => signaling.probe());
player.addEventListener("failed", offer);
player.addEventListener("blocked", goByTheSocket);

// --- what is shown --------------------------------------------------------------------------

/** The key of the status text, and the hint below it. */
function situation() {
  if (signaling.status === "reconnecting" && !refusal) return "reconnecting";
  if (signaling.status === "connecting" && !player.on) return "connecting";
  if (session.state === "ended" || session.state === "paused") return session.state;
  if (session.state === "waiting") return "waiting";
  if (!player.on) return "ready";
  if (player.held) return "held";
  if (!player.connected || signaling.status !== "joined") {
    return shutOut ? "shut_out" : player.heard ? "reconnecting" : "opening";
  }
  return channel.status;
}

function hint(now) {
  if (now === "connecting") return "";
  if (now === "waiting" && !player.on) return t("listen.waiting_silent_hint");
  if (now === "fallback" && REASONS.includes(channel.reason)) {
    return t(`listen.${channel.reason}_hint`);
  }
  if (now !== "live") return t(`listen.${now}_hint`);
  if (channel.channel === "floor") return t("listen.live_floor");
  const [tag, over] = channel.channel.split("+");
  const name = languageName(tag, document.documentElement.lang);
  const text = unclear.includes(tag) ? "unclear" : over ? "live_over" : "live_language";
  return t(`listen.${text}`, { language: name });
}

function render() {
  const stopped = refusal !== null && signaling.status === "closed";
  const now = stopped ? "refused" : situation();
  document.body.dataset.situation = now;
  const full = now === "fallback" && channel.reason === "full";
  page.state.textContent = t(stopped ? "error.title" : full ? "listen.full" : `listen.${now}`);
  page.hint.textContent = refusal ? refusalText() : hint(now);
  page.button_text.textContent = t(
    stopped ? "error.continue"
      : player.held ? "listen.tap" : player.on ? "listen.stop" : "listen.start");
  page.button.dataset.on = player.on && !player.held && !stopped;
  page.over.disabled = asked.channel === "floor";
  page.way.textContent = player.overSocket ? t("listen.slow_way") : "";
  const missing = language !== "floor" && !session.channels.includes(language);
  page.notice.textContent = missing && language !== session.source
    ? t("listen.no_language", { language: languageName(language, document.documentElement.lang) })
    : "";
  updateMediaSession(now);
}

function refusalText() {
  return t(`error.${refusal.code}`);
}

function showCaptionViews() {
  const languages = asked.captions;
  if (views.map((view) => view.language).join() === languages.join()) return;
  const boxes = [page.captions, page.source_captions];
  page.source_box.hidden = languages.length < 2;
  views = languages.map((tag, i) =>
    new CaptionView(boxes[i], tag, `${t("captions.title")}: ${languageName(tag)}`));
}

function updateMediaSession(now) {
  if (!("mediaSession" in navigator)) return;
  navigator.mediaSession.metadata = new MediaMetadata({
    title: stream, artist: page.hint.textContent || page.state.textContent, album: "Tolk" });
  navigator.mediaSession.playbackState =
    !player.on ? "none" : now === "paused" ? "paused" : "playing";
}

// --- what the listener does -------------------------------------------------------------------

function toggle() {
  if (player.held) {
    player.play();
    return;
  }
  if (player.on && signaling.status !== "closed") player.stop();
  else player.start();
  refusal = null;
  shutOut = false;
  signaling.open();
  render();
}

function setSize(step) {
  const size = Math.min(Math.max(step, 0), SIZES.length - 1);
  remember("localStorage", "tolk.size", String(size));
  document.documentElement.style.setProperty("--caption-scale", SIZES[size]);
  page.smaller.disabled = size === 0;
  page.larger.disabled = size === SIZES.length - 1;
  return size;
}

function restoreChoices() {
  page.over.checked = recall("localStorage", "tolk.over") === "true";
  page.source.checked = recall("localStorage", "tolk.source") === "true";
  page.volume.value = recall("localStorage", "tolk.volume") ?? "100";
  page.sound.volume = page.volume.value / 100;
  let size = setSize(Number(recall("localStorage", "tolk.size") ?? 1));
  page.smaller.onclick = () => (size = setSize(size - 1));
  page.larger.onclick = () => (size = setSize(size + 1));
}

page.button.onclick = toggle;
page.language.onchange = () => {
  language = chosen = page.language.value;
  remember("localStorage", "tolk.language", chosen);
  select();
  render();
};
for (const name of ["over", "source"]) {
  page[name].onchange = () => {
    remember("localStorage", `tolk.${name}`, String(page[name].checked));
    select();
    render();
  };
}
page.volume.oninput = () => {
  page.sound.volume = page.volume.value / 100;
  remember("localStorage", "tolk.volume", page.volume.value);
};
navigator.mediaSession?.setActionHandler("play", () => player.on && player.play());
navigator.mediaSession?.setActionHandler("pause", () => player.on && toggle());

translatePage();
document.title = `${t("listen.page")} · ${stream}`;
page.stream.textContent = stream;
restoreChoices();
const languages = await fetchLanguages();
unclear = languages.unclear ?? [];
const everyTarget = [...new Set(Object.values(languages.targets).flat())];
everyChannel = ["floor", ...everyTarget, ...everyTarget.map((tag) => `${tag}+floor`)];
setSession({ state: null });
signaling.open();
render();

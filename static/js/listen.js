// The listener's page: /listen/{stream}.
//
// Captions and state come from the moment the page is open; sound from the button on. Both
// come over one session: starting and stopping the sound joins anew in its place.
// `listener` knows how things stand; whatever changes it calls `render`, which draws the page.

/** @import { Situation } from "./listener.js" */
import { CaptionView, CaptionViews } from "./captions.js";
import { languageName, t, textDirection, translatePage } from "./i18n.js";
import { Listener } from "./listener.js";
import { elementsById, fetchLanguages, recall, remember, showFailures, stream, takeToken }
  from "./page.js";
import { Player } from "./player.js";
import { recordingText } from "./recording.js";
import { Signaling } from "./signaling.js";
import { keepAwake } from "./wake_lock.js";

const SIZES = [0.85, 1, 1.2, 1.45, 1.75, 2.1];

const page = elementsById({
  stream: HTMLElement, state: HTMLElement, hint: HTMLElement, way: HTMLElement,
  recording: HTMLElement, notice: HTMLElement, button: HTMLButtonElement, button_text: HTMLElement,
  language: HTMLSelectElement, over: HTMLInputElement, source: HTMLInputElement,
  volume: HTMLInputElement, smaller: HTMLButtonElement, larger: HTMLButtonElement,
  captions: HTMLElement, source_box: HTMLElement, source_captions: HTMLElement,
  sound: HTMLAudioElement,
});
const token = takeToken();
showFailures();
await translatePage();
const player = new Player(page.sound);
const listener = new Listener(recall("localStorage", "tolk.language"), navigator.languages);
const views = new CaptionViews((languages) => languages.map((tag, i) =>
  new CaptionView(
    [page.captions, page.source_captions][i],
    tag,
    `${t("captions.title")}: ${languageName(tag)}`)));
const signaling = new Signaling(`ws/listen/${stream}`, () => ({
  ...listener.asked,
  audio: !player.on ? "none" : player.overSocket ? "socket" : "webrtc",
  token }));
const updateWakeLock = keepAwake(() => listener.reads && signaling.status !== "closed");

// --- what the server says -------------------------------------------------------------------

/** Selects the wanted channel and captions, if they changed; the connection stays as it is. */
function select() {
  if (listener.want(page.over.checked, page.source.checked)) {
    signaling.send({ type: "select", ...listener.asked });
  }
}

async function offer() {
  if (player.on && !player.overSocket) {
    signaling.send({ type: "offer", sdp: await player.offer() });
  }
}

/** No peer connection is possible on this network: join again, with audio over the socket. */
function goByTheSocket() {
  if (player.useSocket()) signaling.open();
  else offer(); // somewhere else it may come through
  render();
}

signaling.on("status", (status) => {
  if (status === "reconnecting") player.lose();
  render();
});
signaling.on("refused", (error) => {
  listener.refusal = error;
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
      listener.channel = message;
      break;
    case "caption":
      views.show(message);
      return;
    case "captions":
      views.restore(message.captions ?? []);
      return;
    case "error":
      // The server notices earlier than the browser that the connection is lost.
      if (message.code === "timeout") await offer();
      else listener.refusal = message;
  }
  render();
});
signaling.on("sound", (packet) => player.receive(packet));
player.addEventListener("change", render);
player.addEventListener("doubtful", () => signaling.probe());
player.addEventListener("failed", offer);
player.addEventListener("blocked", goByTheSocket);

// --- what is shown --------------------------------------------------------------------------

/** Draws the whole page from how things stand. */
function render() {
  const now = listener.situation(player, signaling.status);
  const stopped = now === "refused";
  document.body.dataset.situation = now;
  page.state.textContent = listener.title(now);
  page.hint.textContent = listener.hint(now, player.on);
  page.notice.textContent = listener.notice;
  page.way.textContent = player.overSocket
    ? t(player.noPeers ? "listen.slow_browser" : "listen.slow_way") : "";
  page.button_text.textContent = t(
    stopped ? "error.continue"
      : player.halted ? "listen.go_on"
        : player.held ? "listen.tap" : player.on ? "listen.stop" : "listen.start");
  page.button.dataset.on = String(player.on && !silenced() && !stopped);
  page.over.disabled = listener.asked.channel === "floor";
  page.source_box.hidden = listener.asked.captions.length < 2;
  views.select(listener.asked.captions);
  showLanguages();
  showMediaSession(now);
  updateWakeLock();
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

/**
 * Shows captions in the size of this number, as far as there is one.
 * @param {number} number
 */
function setSize(number) {
  const size = Math.min(Math.max(number, 0), SIZES.length - 1);
  remember("localStorage", "tolk.size", String(size));
  document.documentElement.style.setProperty("--caption-scale", String(SIZES[size]));
  page.smaller.disabled = size === 0;
  page.larger.disabled = size === SIZES.length - 1;
  page.smaller.onclick = () => setSize(size - 1);
  page.larger.onclick = () => setSize(size + 1);
}

page.button.onclick = toggle;
page.language.onchange = () => {
  listener.choose(page.language.value);
  remember("localStorage", "tolk.language", page.language.value);
  select();
  render();
};
for (const name of /** @type {const} */ (["over", "source"])) {
  page[name].checked = recall("localStorage", `tolk.${name}`) === "true";
  page[name].onchange = () => {
    remember("localStorage", `tolk.${name}`, String(page[name].checked));
    select();
    render();
  };
}
page.volume.value = recall("localStorage", "tolk.volume") ?? "100";
page.sound.volume = page.volume.valueAsNumber / 100;
page.volume.oninput = () => {
  page.sound.volume = page.volume.valueAsNumber / 100;
  remember("localStorage", "tolk.volume", page.volume.value);
};
setSize(Number(recall("localStorage", "tolk.size") ?? 1));
navigator.mediaSession?.setActionHandler("pause", () => player.pause());
navigator.mediaSession?.setActionHandler("play", () => {
  if (player.on && signaling.status !== "closed") player.play();
  else toggle();
});

document.title = `${t("listen.page")} · ${stream}`;
page.stream.textContent = stream;
listener.know(await fetchLanguages());
select();
signaling.open();
render();

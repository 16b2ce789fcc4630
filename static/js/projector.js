// Large captions without audio, for a projector: /captions/{stream}?language=en&language=nl.
// With overlay=1 only the text, for a video mixer; see overlay.js.

/** @import { Session } from "./messages.js" */
import { CaptionView, CaptionViews } from "./captions.js";
import { firstCaptions, languagesIn, languagesOf } from "./channels.js";
import { errorText, languageName, t, textDirection, translatePage } from "./i18n.js";
import { showNotice } from "./notice.js";
import { applyLook, overlayOf } from "./overlay.js";
import { addressAt, elementsById, fetchLanguages, recall, showFailures, stream, takeToken }
  from "./page.js";
import { recordingText } from "./recording.js";
import { showListenAddress } from "./share.js";
import { Signaling } from "./signaling.js";
import { keepAwake } from "./wake_lock.js";

const REST_MS = 4000;

const page = elementsById({
  title: HTMLElement, panels: HTMLElement, state: HTMLElement, recording: HTMLElement, join: HTMLElement,
  qr: HTMLImageElement, join_hint: HTMLElement, address: HTMLAnchorElement, chooser: HTMLFormElement,
  shown: HTMLElement, choices: HTMLElement, show_qr: HTMLInputElement, fullscreen: HTMLButtonElement,
  announcement: HTMLElement,
});
const token = takeToken();
showFailures();
await translatePage();
const address = new URL(location.href);
const named = languagesIn(address.searchParams);
let { languages } = named;
/** The languages of the stream, or, until somebody speaks, of the server. @type {string[]} */
let channels = [];
/** All that were ever there or chosen, in the chooser's order, which stays. @type {string[]} */
let offered = [];
/** The languages that can be spoken or heard here. @type {Set<string>} */
const known = new Set();
/** @type {string | null} */
let source = null;
let stateText = "";
const overlay = overlayOf(address.searchParams, (text) => CSS.supports("color", text));
if (overlay) applyLook(document.documentElement, overlay.look);

const views = new CaptionViews((tags) => {
  const panels = tags.map((tag) => {
    const panel = document.createElement("section");
    panel.className = "captions";
    panel.tabIndex = 0;
    panel.setAttribute("aria-label", `${t("captions.title")}: ${languageName(tag)}`);
    return panel;
  });
  page.panels.replaceChildren(...panels);
  return tags.map((tag, i) => new CaptionView(panels[i], tag, languageName(tag)));
});
/** The captions that the server was asked for last. */
let told = "";
const signaling = new Signaling(`ws/listen/${stream}`, () => ({
  captions: asked(), audio: "none", token }));

/** The chosen languages; if none is chosen, the reader's own, as on the listener's page. */
function wanted() {
  if (languages.length > 0) return languages.slice(0, 8);
  return firstCaptions(
    recall("localStorage", "tolk.language"), navigator.languages, channels, source);
}

/** What is wanted, which the server is told now. */
function asked() {
  told = wanted().join();
  return wanted();
}

signaling.on("status", render);
signaling.on("load", (url) => location.replace(addressAt(url, {}, { token })));
signaling.on("refused", (error) => {
  stateText = errorText(error);
  render();
});
signaling.on("message", (message) => {
  switch (message.type) {
    case "joined":
    case "state":
      source = message.source ?? source;
      if (message.source) channels = languagesOf(message.channels ?? []);
      stateText = stateOf(message);
      page.recording.textContent = overlay ? "" : recordingText(message.recording);
      select();
      render();
      break;
    case "notice":
      if (!overlay) {
        showNotice(page.announcement, message, [...wanted(), ...navigator.languages]);
      }
      break;
    case "caption":
      views.show(message);
      break;
    case "captions":
      views.restore(message.captions ?? []);
  }
});

/** @param {Session} session */
function stateOf({ state }) {
  if (overlay) return faultText();
  return state === null || state === "live" ? "" : t(`captions_page.${state}`);
}

/** What is wrong with the overlay's address: whoever sets it up sees it in place of a state. */
function faultText() {
  const unknown = languages.filter((tag) => known.size > 0 && !known.has(tag));
  const faults = [...(overlay?.faults ?? []), ...named.faults,
    ...unknown.map((tag) => `language=${tag}`)];
  return faults.length > 0 ? t("captions_page.faults", { faults: faults.join(", ") }) : "";
}

/**
 * Asks for the wanted captions, if they changed, and shows in the chooser which they are. What is
 * chosen while there is no session is asked for when there is one.
 */
function select() {
  const captions = wanted();
  views.select(captions);
  if (signaling.status === "joined" && captions.join() !== told) {
    signaling.send({ type: "select", captions: asked() });
  }
  offered = [...new Set([...offered, ...languages, ...channels, ...(source ? [source] : [])])];
  showChoices(offered, captions);
}

function render() {
  const lost = !overlay && signaling.status === "reconnecting";
  page.state.textContent = lost ? t("connection.reconnecting") : stateText;
}

function boxes() {
  return [...page.choices.querySelectorAll("input")];
}

/**
 * @param {string[]} tags to choose from
 * @param {string[]} chosen
 */
function showChoices(tags, chosen) {
  // A box that has the focus would lose it if it were replaced by the same.
  if (boxes().map(({ value }) => value).join() !== tags.join()) {
    page.choices.replaceChildren(...tags.map(choice));
  }
  for (const box of boxes()) box.checked = chosen.includes(box.value);
  const names = chosen.map((tag) => languageName(tag)).join(", ");
  page.shown.textContent = names
    ? t("captions_page.shown", { languages: names }) : t("captions_page.none");
}

/** @param {string} tag */
function choice(tag) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.value = tag;
  box.onchange = choose;
  label.lang = tag;
  label.dir = textDirection(tag);
  label.append(box, languageName(tag));
  return label;
}

function choose() {
  const checked = boxes().filter((box) => box.checked).map((box) => box.value);
  const before = languages.length > 0 ? languages : wanted();
  // What is read stays where it is on the screen.
  languages = [...new Set([...before.filter((tag) => checked.includes(tag)), ...checked])];
  address.searchParams.delete("language");
  for (const tag of languages) address.searchParams.append("language", tag);
  history.replaceState(null, "", address);
  select();
}

// In full screen, chooser and pointer are hidden while nobody moves the mouse or presses a key.
let resting = 0;
let pointerAt = "";
/** @param {Event} event */
function wake(event) {
  if (event instanceof PointerEvent && event.type === "pointermove") {
    const at = `${event.screenX} ${event.screenY}`;
    if (at === pointerAt) return; // the page moved under it
    pointerAt = at;
  }
  document.body.classList.remove("resting");
  clearTimeout(resting);
  resting = setTimeout(rest, REST_MS);
}
function rest() {
  const full = document.fullscreenElement || matchMedia("(display-mode: fullscreen)").matches;
  document.body.classList.toggle("resting", Boolean(full));
}
for (const name of ["pointermove", "pointerdown", "keydown", "fullscreenchange", "resize"]) {
  addEventListener(name, wake, { passive: true });
}
resting = setTimeout(rest, REST_MS);

page.fullscreen.hidden = !document.fullscreenEnabled;
page.fullscreen.onclick = () =>
  document.fullscreenElement ? document.exitFullscreen() : document.body.requestFullscreen();
page.show_qr.checked = !overlay && address.searchParams.get("qr") !== "0";
page.show_qr.onchange = () => {
  page.join.hidden = !page.show_qr.checked;
  if (page.show_qr.checked) address.searchParams.delete("qr");
  else address.searchParams.set("qr", "0");
  history.replaceState(null, "", address);
};
page.join.hidden = !page.show_qr.checked;

document.title = page.title.textContent = `${t("captions_page.page")} · ${stream}`;
showListenAddress({ image: page.qr, link: page.address, hint: page.join_hint }, token);
keepAwake(() => true)();
const { sources, targets } = await fetchLanguages();
for (const tag of [...sources, ...Object.values(targets).flat()]) known.add(tag);
channels = [...new Set(Object.values(targets).flat())];
if (overlay) stateText = faultText();
select();
signaling.open();
render();

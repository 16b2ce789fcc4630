// The operator's page: /operate. It shows all streams as they are, and what can be done with them.
//
// The token is typed once, or is in the fragment of the address; it stays in this tab. What can
// be typed stays as it is while the state changes: only what shows the state is drawn anew.

/** @import { Board } from "./board.js" */
import { errorText, t, translatePage } from "../i18n.js";
import { elementsById, fetchLanguages, grants, remember, showFailures, takeToken }
  from "../page.js";
import { Card, fill, write } from "./card.js";
import { Feed } from "./feed.js";
import { GlossaryEditor } from "./glossary.js";
import { offerInvitations } from "./invitations.js";
import { Machines } from "./machines.js";
import { showModels } from "./models.js";
import { showNews } from "./news.js";
import { Requests } from "./requests.js";
import { drawStrip, most } from "./strip.js";
import { claimsOf } from "../token.js";

const page = elementsById({
  connection: HTMLElement, entry: HTMLFormElement, token: HTMLInputElement, refusal: HTMLElement,
  board: HTMLElement, server_problems: HTMLElement, server_facts: HTMLElement,
  no_streams: HTMLElement, streams: HTMLElement, name: HTMLInputElement,
  names: HTMLDataListElement, addresses_box: HTMLDetailsElement, glossary_box: HTMLDetailsElement,
  recording_box: HTMLDetailsElement, record_audio: HTMLInputElement, record_text: HTMLInputElement,
  recording_result: HTMLElement, news: HTMLElement, models_box: HTMLDetailsElement,
  models: HTMLElement, available: HTMLElement, end_dialog: HTMLDialogElement,
  end_title: HTMLElement, machines_box: HTMLElement, machines: HTMLElement,
});
const loadStrip = /** @type {any} */ (document.getElementById("load"));
/** @type {Map<string, Card>} */
const cards = new Map();
/** Those that can be spoken or heard here. @type {string[]} */
let languages = [];
let newsShown = "";
let ending = "";
/** What is recorded of the stream that is named; null while that is not known. @type {string[] | null} */
let recorded = null;
/** Counts what was asked about it: an answer to an earlier question may be about another stream. */
let recordingAsked = 0;
/** @type {Machines | null} */
let machines = null;

const given = takeToken();
showFailures();
await translatePage();
document.title = `${t("operate.page")} · Tolk`;
if (given === null) askForToken("");
else begin(given);

/** @param {string} why the last one was refused */
function askForToken(why) {
  page.entry.hidden = false;
  page.board.hidden = page.connection.hidden = true;
  page.refusal.textContent = why;
  page.token.focus();
}

/**
 * Cards and machines ask with the token that they were made with: they go with it.
 * @param {string} why
 */
function refuse(why) {
  for (const card of cards.values()) card.element.remove();
  cards.clear();
  machines = null;
  page.machines.replaceChildren();
  remember("sessionStorage", "tolk.token.operate", null);
  askForToken(why);
}

page.entry.onsubmit = (event) => {
  event.preventDefault();
  const token = page.token.value.trim();
  page.token.value = "";
  remember("sessionStorage", "tolk.token.operate", token);
  begin(token);
};

/** @param {string} token */
async function begin(token) {
  if (!grants(token, "operate") && !grants(token, "admin")) {
    refuse(t("error.forbidden"));
    return;
  }
  const only = String(claimsOf(token).stream ?? "*");
  const feed = new Feed(token, only === "*" ? null : only);
  const requests = new Requests(token);
  if (only !== "*") page.name.value = only;
  page.models_box.hidden = only !== "*";
  feed.addEventListener("change", () => {
    if (feed.status === "refused" && feed.refusal) {
      refuse(errorText(feed.refusal));
      return;
    }
    page.entry.hidden = true;
    page.connection.hidden = false;
    write(page.connection, t(`connection.${/** @type {"connected"} */ (feed.status)}`));
    if (feed.state) show(feed.state, requests);
  });
  const reading = feed.run();
  await offerTools(requests);
  await reading;
}

// --- what is shown --------------------------------------------------------------------------

/**
 * @param {Board} board
 * @param {Requests} requests
 */
function show({ server, streams, machines: joined, news }, requests) {
  page.board.hidden = false;
  machines ??= new Machines(page.machines_box, page.machines, requests);
  machines.show(joined);
  fill(page.server_problems, [
    server.stopping ? t("operate.stopping") : "",
    server.ready ? "" : t("operate.not_ready"),
  ].filter(Boolean));
  const load = t("operate.load", { load: server.load, cores: server.cores });
  write(page.server_facts, `${t("operate.listeners", { count: server.listeners })}. ${load}`);
  const label = t("operate.load_strip", { most: most(server.strip) });
  drawStrip(loadStrip, server.strip, server.cores, server.cores * 0.9, label);
  showStreams(streams, requests);
  const latest = JSON.stringify(news);
  if (latest !== newsShown) {
    newsShown = latest;
    showNews(page.news, news);
  }
}

/**
 * @param {Board["streams"]} streams
 * @param {Requests} requests
 */
function showStreams(streams, requests) {
  for (const [name, card] of cards) {
    if (Object.hasOwn(streams, name)) continue;
    card.element.remove();
    cards.delete(name);
  }
  for (const [name, stream] of Object.entries(streams)) {
    let card = cards.get(name);
    if (card === undefined) {
      card = new Card(name, requests, { end: () => askToEnd(name), prepare: () => prepare(name) });
      card.offer(languages);
      cards.set(name, card);
      page.streams.append(card.element);
    }
    card.show(stream);
  }
  page.no_streams.hidden = cards.size > 0;
  if (page.names.childElementCount !== cards.size) {
    page.names.replaceChildren(...[...cards.keys()].map((name) => new Option(name, name)));
  }
  page.end_dialog.onclose = () => {
    if (page.end_dialog.returnValue === "yes") requests.steer(ending, "end");
  };
}

/** @param {string} name */
function askToEnd(name) {
  ending = name;
  page.end_title.textContent = t("operate.end_title", { stream: name });
  page.end_dialog.returnValue = "";
  page.end_dialog.showModal();
}

// --- what is prepared -----------------------------------------------------------------------

/** @param {string} name */
function prepare(name) {
  page.name.value = name;
  page.name.dispatchEvent(new Event("change"));
  page.addresses_box.open = true;
  page.name.focus();
}

/** @param {Requests} requests */
async function offerTools(requests) {
  const { sources, targets } = await fetchLanguages();
  languages = [...new Set([...sources, ...Object.values(targets).flat()])];
  for (const card of cards.values()) card.offer(languages);
  offerInvitations(requests, languages);
  const glossary = new GlossaryEditor(requests, sources, languages);
  page.name.onchange = () => {
    if (page.glossary_box.open) glossary.load();
    if (page.recording_box.open) loadRecording(requests);
  };
  page.glossary_box.ontoggle = () => {
    if (page.glossary_box.open) glossary.load();
    else glossary.close();
  };
  page.recording_box.ontoggle = () => {
    if (page.recording_box.open) loadRecording(requests);
  };
  page.record_audio.onchange = page.record_text.onchange = () => saveRecording(requests);
  page.models_box.ontoggle = async () => {
    if (!page.models_box.open) return;
    showModels(page.models, page.available, await requests.ask("GET", "operate/models"));
  };
}

/** @param {Requests} requests */
async function loadRecording(requests) {
  recorded = null;
  const named = page.name.value && page.name.checkValidity();
  if (named) await askRecording(requests.ask("GET", recordingPath()));
  else showRecording({ recording: [] });
}

/** @param {Requests} requests */
async function saveRecording(requests) {
  if (!page.name.value || !page.name.reportValidity()) {
    page.record_audio.checked = page.record_text.checked = false;
    page.name.focus();
    return;
  }
  const recording = [
    ...(page.record_audio.checked ? ["audio"] : []), ...(page.record_text.checked ? ["text"] : [])];
  await askRecording(requests.ask("PUT", recordingPath(), { recording }));
}

/**
 * Shows what the server answers; if it does not, what was known before.
 * @param {Promise<any>} answer
 */
async function askRecording(answer) {
  const asked = ++recordingAsked;
  if (recorded === null) disableRecording(true);
  try {
    const told = await answer;
    if (asked === recordingAsked) showRecording(told);
  } catch (error) {
    if (asked !== recordingAsked) return;
    const known = recorded;
    showRecording({ recording: known ?? [] });
    recorded = known;
    disableRecording(known === null); // until it is asked again
    page.recording_result.textContent = /** @type {Error} */ (error).message;
  }
}

function recordingPath() {
  return `streams/${encodeURIComponent(page.name.value)}/recording`;
}

/** @param {{recording: string[], problem?: string}} told */
function showRecording({ recording, problem = "" }) {
  recorded = recording;
  disableRecording(false);
  page.record_audio.checked = recording.includes("audio");
  page.record_text.checked = recording.includes("text");
  page.recording_result.textContent = problem && t("operate.recording_stopped", { problem });
}

/** @param {boolean} disabled */
function disableRecording(disabled) {
  page.record_audio.disabled = page.record_text.disabled = disabled;
}

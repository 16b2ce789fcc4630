// What the listener's page asks for, and how it says how things stand.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { languageName, pageLanguage, t, textsLoaded } from "../../../static/js/i18n.js";
import { Listener } from "../../../static/js/listener.js";

await textsLoaded;

const SERVER = { targets: { nl: ["en", "de"], en: ["nl"] }, unclear: ["de"] };
const LIVE = { state: "live", source: "nl", channels: ["floor", "en", "en+floor", "de"] };
/** A player before the button is pressed, and one that plays. */
const SILENT = {
  on: false, held: false, halted: false, unable: false, heard: false, connected: false,
  shutOut: false };
const PLAYING = { ...SILENT, on: true, heard: true, connected: true };

/** The page's name for a language. */
const named = (tag) => ({ language: languageName(tag, pageLanguage) });

let listener;
beforeEach(() => {
  listener = new Listener(null, ["fr"], "hall");
  listener.know(SERVER);
});

describe("what is asked for", () => {
  test("before anybody speaks every language of the server may be chosen", () => {
    assert.deepEqual(listener.offered, ["en", "de", "nl"]);
    listener.choose("de");
    assert.ok(listener.want(1, false));
    assert.deepEqual(listener.asked, { channel: "de+floor", captions: ["de"] });
  });

  test("only the original is heard, and the language that was chosen read", () => {
    listener.takeSession(LIVE);
    listener.choose("en");
    listener.want(0, false);
    assert.deepEqual(listener.asked, { channel: "floor", captions: ["en"] });
  });

  test("the language of the address is chosen where it is interpreted", () => {
    listener.prefer("xx");
    assert.equal(listener.language, "floor");
    listener.prefer("de");
    assert.equal(listener.language, "de");
    listener.takeSession(LIVE);
    assert.equal(listener.language, "de");
  });

  test("the same is not asked for twice", () => {
    listener.choose("en");
    assert.ok(listener.want(2, false));
    assert.ok(listener.want(2, false), "nobody was told");
    assert.deepEqual(listener.tell(), { channel: "en", captions: ["en"] });
    assert.ok(!listener.want(2, false));
    assert.ok(listener.want(1, false));
  });

  test("what is spoken is heard as the floor, and is not offered", () => {
    listener = new Listener(null, ["nl-BE"], "hall");
    listener.know(SERVER);
    listener.takeSession(LIVE);
    listener.want(2, false);
    assert.deepEqual(listener.offered, ["en", "de"]);
    assert.deepEqual(listener.asked, { channel: "floor", captions: ["nl"] });
  });

  test("what was chosen at an earlier visit is asked for as soon as it is there", () => {
    listener = new Listener("de", ["en"], "hall");
    listener.know(SERVER);
    listener.takeSession({ ...LIVE, channels: ["floor", "en"] });
    listener.want(2, false);
    assert.equal(listener.asked.channel, "floor");
    assert.equal(listener.notice, t("listen.no_language", named("de")));
    listener.takeSession(LIVE);
    listener.want(2, false);
    assert.equal(listener.asked.channel, "de");
    assert.equal(listener.notice, "");
  });
});

test("there are captions to read while somebody speaks, and in a pause", () => {
  listener.want(2, false);
  assert.ok(!listener.reads);
  for (const [state, reads] of [["live", true], ["paused", true], ["ended", false]]) {
    listener.takeSession({ ...LIVE, state });
    listener.want(2, false);
    assert.equal(listener.reads, reads, state);
  }
});

describe("how things stand", () => {
  const CASES = [
    // state, player, signaling's status -> situation
    [null, SILENT, "connecting", "connecting"],
    ["waiting", SILENT, "joined", "waiting"],
    ["live", SILENT, "joined", "ready"],
    ["live", { ...PLAYING, held: true }, "joined", "held"],
    ["live", { ...PLAYING, halted: true }, "joined", "halted"],
    ["waiting", { ...PLAYING, halted: true }, "joined", "halted"],
    ["ended", { ...PLAYING, halted: true }, "joined", "ended"],
    ["live", { ...SILENT, unable: true }, "joined", "unable"],
    ["waiting", { ...SILENT, unable: true }, "joined", "unable"],
    ["live", { ...SILENT, on: true }, "joined", "opening"],
    ["live", { ...SILENT, on: true, shutOut: true }, "joined", "shut_out"],
    ["live", { ...PLAYING, connected: false }, "joined", "reconnecting"],
    ["live", PLAYING, "reconnecting", "reconnecting"],
    ["live", PLAYING, "joined", "fallback"],
    ["paused", PLAYING, "joined", "paused"],
    ["ended", PLAYING, "joined", "ended"],
  ];
  for (const [state, player, status, situation] of CASES) {
    test(`${situation}: ${state}, ${status}, ${JSON.stringify(player)}`, () => {
      listener.takeSession({ ...LIVE, state });
      listener.channel = { channel: "en", status: "fallback" };
      assert.equal(listener.situation(player, status), situation);
      assert.ok(listener.title(situation));
      assert.equal(typeof listener.hint(situation, player.on), "string");
    });
  }

  test("a refusal that ends the session is told, and why", () => {
    listener.takeSession(LIVE);
    listener.refusal = { code: "replaced" };
    assert.equal(listener.situation(PLAYING, "closed"), "refused");
    assert.equal(listener.title("refused"), t("error.title"));
    assert.equal(listener.hint("refused", true), t("error.replaced"));
  });

  test("a refusal is told, not that it is live, also while the page tries again", () => {
    listener.takeSession(LIVE);
    listener.refuse({ code: "limit" }, null);
    assert.equal(listener.situation(SILENT, "reconnecting"), "refused");
    assert.equal(listener.title("refused"), t("error.busy"));
    assert.equal(listener.hint("refused", false), t("error.limit"));
  });

  test("a token that has expired is not called incomplete", () => {
    const token = (exp) => `e30.${btoa(JSON.stringify({ exp }))}.c2ln`;
    const now = Date.now() / 1000;
    for (const [exp, words] of [[now - 60, "expired"], [now + 60, "unauthorised"]]) {
      listener.refuse({ code: "unauthorised" }, token(exp));
      assert.equal(listener.hint("refused", false), t(`error.${words}`));
    }
  });

  test("who waits under a name that nobody has used is told so", () => {
    listener.takeSession({ state: "waiting" });
    assert.ok(listener.lost("waiting"));
    assert.equal(listener.hint("waiting", true), t("listen.nobody_hint", { name: "hall" }));
  });

  test("an error that only a newer server knows is told in its own words", () => {
    listener.refusal = { code: "from_2030", message: "The stream moved to Mars." };
    assert.equal(listener.hint("live", true), "The stream moved to Mars.");
  });

  test("what is heard is named", () => {
    listener.channel = { channel: "en+floor", status: "live" };
    assert.equal(listener.hint("live", true), t("listen.live_over", named("en")));
    listener.channel = { channel: "de", status: "live" };
    assert.equal(listener.hint("live", true), t("listen.unclear", named("de")));
    listener.channel = { channel: "floor", status: "live" };
    assert.equal(listener.hint("live", true), t("listen.live_floor"));
  });

  test("a person who interprets is named, and the captions are said to be the machine's", () => {
    listener.takeSession(LIVE);
    listener.channel = { channel: "en+floor", status: "live", interpreter: "Ann" };
    const said = t("listen.live_person", { ...named("en"), name: "Ann" });
    assert.equal(listener.hint("live", true), said);
  });

  test("a missing interpretation is explained where there are words for the reason", () => {
    listener.channel = { channel: "en", status: "fallback", reason: "full" };
    assert.equal(listener.title("fallback"), t("listen.full"));
    assert.equal(listener.hint("fallback", true), t("listen.full_hint"));
    listener.channel = { channel: "en", status: "fallback", reason: "from_2030" };
    assert.equal(listener.title("fallback"), t("listen.fallback"));
    assert.equal(listener.hint("fallback", true), t("listen.fallback_hint"));
  });

  test("who waits without sound is told to press the button", () => {
    listener.takeSession({ ...LIVE, state: "waiting" });
    assert.equal(listener.hint("waiting", false), t("listen.waiting_silent_hint"));
    assert.equal(listener.hint("waiting", true), t("listen.waiting_hint"));
  });
});

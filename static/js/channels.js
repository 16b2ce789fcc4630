// Chooses the channel to hear, from the user's wishes and the channels of the stream.
//
// A channel is "floor", a language ("en"), or a language over the quiet floor ("en+floor").

/** Language tags as the server takes them. */
const TAG = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i;

/**
 * The languages that an address names; `faults`: what there is no language tag, as
 * "language=value".
 * @param {URLSearchParams} parameters
 */
export function languagesIn(parameters) {
  const named = parameters.getAll("language").flatMap((value) => value.split(","))
    .map((value) => value.trim()).filter(Boolean);
  return {
    languages: named.filter((value) => TAG.test(value)),
    faults: named.filter((value) => !TAG.test(value))
      .map((value) => `language=${value.slice(0, 40)}`),
  };
}

/**
 * The languages among `channels`, without "floor".
 * @param {string[]} channels
 */
export function languagesOf(channels) {
  return [...new Set(channels.map((name) => name.split("+")[0]))].filter((l) => l !== "floor");
}

/**
 * The language to begin with: what was chosen before, else the reader's, else the only
 * interpretation, else the floor.
 * @param {string | null} remembered
 * @param {readonly string[]} readerLanguages
 * @param {string[]} channels
 * @param {string | null} source what is spoken, if known
 */
export function firstLanguage(remembered, readerLanguages, channels, source) {
  if (remembered) return remembered;
  const offered = languagesOf(channels);
  for (const tag of readerLanguages) {
    const language = tag.split("-")[0].toLowerCase();
    if (language === source) return "floor";
    if (offered.includes(language)) return language;
  }
  return offered.length === 1 ? offered[0] : "floor";
}

/**
 * The channel for a language, over the original if that is wished and offered.
 * @param {string} language "floor" or a tag
 * @param {boolean} over
 * @param {string[]} channels
 */
export function channelFor(language, over, channels) {
  if (language !== "floor" && over && channels.includes(`${language}+floor`)) {
    return `${language}+floor`;
  }
  return channels.includes(language) ? language : "floor";
}

/**
 * The channel for a balance: 0 is the original only, 1 the language over the original, 2 the
 * language only.
 * @param {string} language "floor" or a tag
 * @param {number} balance
 * @param {string[]} channels
 */
export function channelAt(language, balance, channels) {
  return balance === 0 ? "floor" : channelFor(language, balance === 1, channels);
}

/**
 * The caption languages that go with it: what is heard first, then the source if wished.
 * @param {string} channel
 * @param {string | null} source
 * @param {boolean} withSource
 */
export function captionsFor(channel, source, withSource) {
  const heard = channel === "floor" ? source : channel.split("+")[0];
  return [...new Set(withSource ? [heard, source] : [heard])].filter((tag) => tag !== null);
}

/**
 * The captions to begin with where only captions are read, chosen as what is heard is.
 * @param {string | null} remembered
 * @param {readonly string[]} readerLanguages
 * @param {string[]} channels
 * @param {string | null} source
 */
export function firstCaptions(remembered, readerLanguages, channels, source) {
  const language = firstLanguage(remembered, readerLanguages, channels, source);
  return captionsFor(channelFor(language, false, channels), source, false);
}

"""A tiny talk through stand-ins: what is heard of it, and when."""

from collections.abc import Iterator
from itertools import pairwise
from statistics import median

import numpy as np
import pytest

from server.bus.messages import RATE_HZ
from server.interpretation.policies import PolicyName
from server.interpretation.shared import Engines
from server.media.opus import RATE_HZ as SOUND_HZ
from tests.helpers.talk import SENTENCE, Recognizer, Voice, Wordy
from tests.helpers.talk import Talk as Spoken
from tools.evaluate.replay import replay
from tools.evaluate.sentences import Interpreted, interpreted
from tools.evaluate.talks import Sentence, Talk, Timed

SPOKEN = Spoken(words_a_minute=180, seconds=40)


def sentences() -> Iterator[Sentence]:
    words = [
        Timed(each.text, each.start_sample / RATE_HZ, each.end_sample / RATE_HZ)
        for each in SPOKEN.words()
    ]
    for first in range(0, len(words), SENTENCE):
        said = words[first : first + SENTENCE]
        text = " ".join(word.text for word in said)
        yield Sentence(said, text, Wordy().translate(text, "nl", "en"))


SAID = Talk("nl", "en", 180, 180.0, SPOKEN.seconds, list(sentences()))


def of(policy: PolicyName) -> list[Interpreted]:
    engines = Engines({"nl": Recognizer(SPOKEN)}, Wordy(), {"en": Voice("en")})
    silence = np.zeros(round(SPOKEN.seconds * SOUND_HZ), np.int16)
    observed = replay(SAID, silence, policy, engines)
    (heard,) = observed.heard
    assert heard.words is not None and not observed.dropped
    assert all(word.end_s <= later.start_s + 1e-6 for word, later in pairwise(heard.words))
    return interpreted(SAID, heard)


@pytest.mark.parametrize("policy", ["sentence", "clause", "prefix"])
def test_all_words_of_a_replay_are_heard_as_synthesized(policy: PolicyName) -> None:
    assert [each.text for each in of(policy)] == [each.translation for each in SAID.sentences]


def test_a_policy_that_waits_longer_has_more_lag() -> None:
    lags_s = {}
    policies: list[PolicyName] = ["sentence", "prefix"]
    for policy in policies:
        lags_s[policy] = median(each.start_lag_s or 0.0 for each in of(policy))
    whole_s = SAID.sentences[0].end_s - SAID.sentences[0].words[0].end_s
    assert lags_s["sentence"] == pytest.approx(whole_s, abs=0.5)
    assert lags_s["prefix"] < lags_s["sentence"] - 1.0

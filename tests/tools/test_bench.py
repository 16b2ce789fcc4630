import numpy as np
import pytest

from server.media.opus import RATE_HZ
from tools.bench.__main__ import main
from tools.bench.demo import bare, cues
from tools.bench.downlink import figures_of
from tools.bench.latency import starts
from tools.bench.uplink_delay import back_to_normal_s


def test_the_starts_of_sound_are_found_after_pauses() -> None:
    loud, quiet = np.full(RATE_HZ // 2, 3000, np.int16), np.zeros(RATE_HZ // 2, np.int16)
    hiccup = np.zeros(RATE_HZ // 10, np.int16)
    pcm = np.concatenate((quiet, loud, hiccup, loud, quiet, loud))
    assert starts(pcm) == [RATE_HZ // 2, 2 * RATE_HZ + RATE_HZ // 10]


def test_silence_has_no_starts_of_sound() -> None:
    assert starts(np.zeros(RATE_HZ, np.int16)) == []


def test_cues_are_read_without_their_times() -> None:
    vtt = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nOne.\n\n00:00:01.000 --> 00:00:02.000\nTwo.\n"
    assert cues(vtt) == ["One.", "Two."]


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert bare("Don’t worry: it's FINE.") == "don't worry it's fine"


def test_concealed_speech_is_a_share_of_the_samples_received() -> None:
    before = {"totalSamplesReceived": 1000, "concealedSamples": 100, "silentConcealedSamples": 50}
    after = {
        "totalSamplesReceived": 101_000,
        "concealedSamples": 1100,
        "silentConcealedSamples": 250,
        "nackCount": 7,
        "packetsLost": -1,
    }
    figures = {figure.name: figure for figure in figures_of("loss_5", before, after)}
    made_up = figures["downlink.loss_5.speech_made_up"]
    assert (made_up.value, made_up.bound, made_up.holds) == (0.8, 0.5, False)
    assert figures["downlink.loss_5.asked_for_again"].value == 7


def test_without_received_samples_no_bound_holds() -> None:
    same = {"totalSamplesReceived": 5}
    assert figures_of("loss_5", same, same)[0].holds is False


def test_the_delay_is_normal_again_after_its_last_excess() -> None:
    assert back_to_normal_s([(0, 0.05), (1, 0.06)], 0.05) == 0
    assert back_to_normal_s([(0, 0.2), (1, 0.05), (2, 0.1), (3, 0.05), (4, 0.05)], 0.05) == 3
    assert back_to_normal_s([(0, 0.05), (1, 0.2)], 0.05) is None


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--against=jitsi", "there is no 'jitsi'; there are: tolk, "),
        ("--listeners=many", "'many' is not a list of numbers"),
        ("--media-processes=0", "'0' is not a list of numbers"),
    ],
)
def test_a_wrong_option_of_fanout_ends_in_a_sentence(
    option: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tools.bench", "fanout", option])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err

"""Which audio is fed again after an interpreter was lost."""

import pytest

from server.bus.messages import RATE_HZ, AudioChunk
from server.bus.replay import AGAIN_S, KEPT_S, Replay, ReplayCounts

CHUNK = 1600  # samples: 100 ms


def chunk(number: int, epoch: int = 1) -> AudioChunk:
    return AudioChunk(stream="a", epoch=epoch, start_sample=number * CHUNK, pcm=bytes(2 * CHUNK))


def play(story: str) -> tuple[ReplayCounts, list[list[int]]]:
    """Run a story, in which each word is an event. ``3``: chunk 3 is received. ``c3``: all before
    chunk 3 is committed. ``b3``: chunk 3 and the following are taken back. ``g3``: they are given
    up. ``x``: the interpreter died. ``l``: the link to it was lost. ``r``: one is ready.
    Returns the numbers of the chunks fed at each ``r``."""
    counts = ReplayCounts()
    replay, fed, epoch = Replay(counts), [], 0
    for word in story.split():
        match word[0]:
            case "x":
                replay.worker_lost()
            case "l":
                replay.worker_lost(died=False)
            case "r":
                epoch += 1
                again = replay.worker_ready(epoch)
                assert all(each.epoch == epoch for each in again)
                fed.append([each.start_sample // CHUNK for each in again])
            case "c":
                replay.committed(int(word[1:]) * CHUNK)
            case "g":
                replay.give_up(int(word[1:]) * CHUNK)
            case "b":
                replay.take_back(int(word[1:]) * CHUNK)
            case _:
                replay.heard(chunk(int(word), epoch))
    return counts, fed


@pytest.mark.parametrize(
    ("story", "fed"),
    [
        pytest.param("r 0 1 x r", [[], [0, 1]], id="nothing committed: all again"),
        pytest.param("r 0 1 c1 2 x r", [[], [1, 2]], id="only what is not committed"),
        pytest.param("r 0 1 c2 x r", [[], []], id="all committed: nothing"),
        pytest.param("r 0 1 2 g1 x r", [[], [0]], id="what is given up is not fed"),
        pytest.param("r 0 1 l r l r", [[], [0, 1], [0, 1]], id="lost links are not the audio's"),
        pytest.param("0 1 r", [[0, 1]], id="heard before the first was ready"),
        pytest.param("r 0 x 1 2 r", [[], [0, 1, 2]], id="heard while none was ready"),
        pytest.param("r 0 1 x r x r", [[], [0, 1], []], id="second loss on it: skipped"),
        pytest.param("r 0 1 x r 2 x r", [[], [0, 1], [2]], id="what came later has one go left"),
        pytest.param("r 0 1 x r 2 x r x r", [[], [0, 1], [2], []], id="and then none"),
        pytest.param("r 0 x 1 r x r", [[], [0, 1], [1]], id="heard in between: once lost only"),
        pytest.param("r 0 1 x r c1 x r", [[], [0, 1], []], id="the rest of it is suspect too"),
        pytest.param("r 0 1 x r c2 2 x r", [[], [0, 1], [2]], id="committed past it: a new story"),
        pytest.param("r 0 1 x r c2 2 x r x r", [[], [0, 1], [2], []], id="which ends as ever"),
        pytest.param("r 0 1 2 c2 b1 r", [[], [1, 2]], id="taken back though committed"),
        pytest.param("r 0 1 2 b1 r", [[], [1, 2]], id="and what is before it is not wanted"),
        pytest.param("r 0 1 c2 2 b3 3 r", [[], [3]], id="taken back from now on: nothing"),
        pytest.param("r 0 1 c1 b0 x r", [[], [0, 1]], id="lost after that: again"),
        pytest.param("r 0 1 x r c1 b0 x r", [[], [0, 1], []], id="but twice at most"),
        pytest.param("0 x x r", [[0]], id="lost while loading: the sound is not to blame"),
        pytest.param("r 0 x x x r", [[], [0]], id="nor when the next dies before it is ready"),
    ],
)
def test_the_next_interpreter_gets_the_uncommitted_audio(story: str, fed: list[list[int]]) -> None:
    assert play(story)[1] == fed


def test_the_same_audio_is_fed_to_at_most_two_lost_interpreters() -> None:
    story = "r " + " ".join(f"{number} x r" for number in range(20))
    _, fed = play(story)
    times = [sum(number in each for each in fed) for number in range(20)]
    assert times == [1] * 20  # once live, once after the loss


def test_audio_is_fed_at_once_only_to_a_ready_interpreter() -> None:
    replay = Replay(ReplayCounts())
    answers = [replay.heard(chunk(0))]
    replay.worker_ready(1)
    answers.append(replay.heard(chunk(1)))
    replay.worker_lost()
    answers.append(replay.heard(chunk(2)))
    assert answers == [False, True, False]


def test_skipped_audio_is_counted() -> None:
    counts, _ = play("r 0 1 x r 2 x r")
    assert counts.skipped_samples == 2 * CHUNK


def test_the_oldest_audio_beyond_the_bound_is_dropped_and_counted() -> None:
    bound = KEPT_S * RATE_HZ // CHUNK
    counts, fed = play(" ".join(map(str, range(bound + 5))) + " r")
    assert fed == [list(range(5, bound + 5))]
    assert counts.dropped_samples == 5 * CHUNK


def test_an_older_commit_is_ignored() -> None:
    count = 3 * AGAIN_S * RATE_HZ // CHUNK
    _, fed = play("r " + " ".join(f"{number} c{number + 1}" for number in range(count)) + " b0 r")
    assert fed[-1] == list(range(count - AGAIN_S * RATE_HZ // CHUNK, count))

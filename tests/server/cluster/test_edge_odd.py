"""What an edge may say to a hub, and what a hub cannot give it."""

import logging
from pathlib import Path

import msgspec
import pytest

from server.bus.hub_messages import EdgeOffer, Wants, decode, decode_offer, encode_offer
from server.bus.messages import encode
from server.client.participants import Listener, Speaker
from server.http.others import origin_of
from tests.helpers.edges import edge_of
from tests.helpers.nats import NatsProcess
from tests.helpers.running import STAND_IN, models_of_several, tolk
from tests.helpers.waiting import until

PATIENCE_S = 30.0


@pytest.mark.parametrize("channel", ["foo+bar", "en+floor+1", "floor+floor", "e", "en+"])
def test_what_is_no_channel_is_not_understood(channel: str) -> None:
    assert decode(encode(Wants(stream="hall", channels={"en+floor": 1})))
    with pytest.raises(msgspec.DecodeError):
        decode(encode(Wants(stream="hall", channels={channel: 1})))


@pytest.mark.parametrize("url", ["http://[x", "https://a b", "https://a/'", "http://", "//a"])
def test_what_is_no_url_is_not_understood(url: str) -> None:
    assert decode_offer(encode_offer(EdgeOffer(url="https://a.example:8080/b")))
    with pytest.raises(msgspec.DecodeError):
        decode_offer(encode_offer(EdgeOffer(url=url)))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://A.example:443/b", "https://a.example"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://[1.2:]:8080/b", "http://[1.2:]:8080"),
    ],
)
def test_every_url_that_machines_say_has_an_origin(url: str, origin: str) -> None:
    assert origin_of(url) == origin


async def test_what_a_hub_refuses_an_edge_is_told_to_its_operator(
    nats: NatsProcess, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = models_of_several(tmp_path)
    command = [*STAND_IN, "--models", str(models)]
    caplog.set_level(logging.WARNING)
    async with (
        tolk(
            *(tmp_path / "hub", command), bus=nats.server.url, models=str(models), max_listeners=1
        ) as hub,
        edge_of(tmp_path / "edge", nats.server.url) as edge,
        Speaker(hub.url, "hall", "nl", audio="socket"),
        Listener(hub.url, "hall", audio="none", captions=["nl"]),
        Listener(edge.url, "hall", "en"),
    ):
        await until(lambda: "see --max-listeners" in caplog.text, PATIENCE_S)
        refused = next(iter(hub.metrics.refused.labels("limit").collect()))
        assert refused.samples[0].value >= 1

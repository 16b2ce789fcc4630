"""The alerts and the dashboard: valid, and about what a real server's ``/metrics`` says."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from server.app import Server
from server.client.participants import Listener, Refused, Speaker
from signaling import messages as wire
from tests.helpers.programs import asked
from tests.helpers.running import STAND_IN, final, tolk, tone

beside_the_server = pytest.mark.asyncio(loop_scope="module")

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
#: Grafana replaces these.
VARIABLES = {"$instance": ".*"}
#: Prometheus adds these itself.
OWN_METRICS = {"up", "ALERTS"}
OWN_LABELS = {"instance", "job", "alertname", "alertstate"}
NAME = r"\b((?:tolk|process)_[a-z_]+|up|ALERTS)\b"

#: What is counted last, and how long that may take.
COUNTED = (
    *("tolk_ear_voice_span_seconds_bucket", "tolk_interpreter_dropped"),
    *("tolk_edge_cpu_seconds", "tolk_hostile_datagrams"),
)
#: What an edge exports, and no server.
AT_EDGES = {"tolk_hubs"}
COUNTED_S = 20.0

#: The values of each label of each metric.
Exported = dict[str, dict[str, set[str]]]


class Rule(msgspec.Struct):
    alert: str
    expr: str
    annotations: dict[str, str]


class Group(msgspec.Struct):
    name: str
    rules: list[Rule]


class Rules(msgspec.Struct):
    groups: list[Group]


class Target(msgspec.Struct):
    expr: str
    legendFormat: str


class Panel(msgspec.Struct):
    title: str
    targets: list[Target]


class Dashboard(msgspec.Struct):
    uid: str
    panels: list[Panel]


RULES = msgspec.yaml.decode((PROMETHEUS / "alerts.yml").read_bytes(), type=Rules).groups[0].rules
DASHBOARD = msgspec.json.decode((DEPLOY / "grafana" / "tolk.json").read_bytes(), type=Dashboard)


def queries() -> Iterator[tuple[str, str, str]]:
    """Where a query is, the query, and a text that names its labels."""
    for rule in RULES:
        yield rule.alert, rule.expr, ""
    for panel in DASHBOARD.panels:
        for target in panel.targets:
            expr = target.expr
            for variable, value in VARIABLES.items():
                expr = expr.replace(variable, value)
            yield panel.title, expr, target.legendFormat


async def exported(server: Server) -> Exported:
    """What ``/metrics`` says now."""
    found: Exported = {}
    async with aiohttp.ClientSession(server.url) as http, http.get("/metrics") as response:
        for family in text_string_to_metric_families(await response.text()):
            found.setdefault(family.name, {})  # also if nobody used its labels yet
            for sample in family.samples:
                labels = found.setdefault(sample.name, {})
                for label, value in sample.labels.items():
                    labels.setdefault(label, set()).add(value)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def metrics(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exported]:
    """The metrics of a server to which everything that the queries are about has happened: a
    voice speaks and fails, somebody is refused, and things are dropped."""
    async with (
        tolk(
            tmp_path_factory.mktemp("state"),
            [*STAND_IN, "--fault", "fail"],
            media_processes=2,
            max_streams=1,
        ) as server,
        Speaker(server.url, "hall", "nl") as speaker,
        Listener(server.url, "hall", "en", captions=["en"]) as listener,
    ):
        with pytest.raises(Refused, match="limit"):
            async with Speaker(server.url, "another", "nl"):
                pass
        for hz, word in ((300, "low"), (2000, "high")):
            await speaker.play(tone(hz))
            await listener.expect(wire.Caption, final("en", word))
        server.metrics.dropped.labels("captions")
        server.metrics.hostile_counts["unknown"] += 1
        found: Exported = {}
        async with asyncio.timeout(COUNTED_S):
            while not all(found.get(name) for name in COUNTED):
                found = await exported(server)
        yield found


def test_promtool_accepts_the_configuration() -> None:
    asked("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    asked("promtool", "check", "rules", PROMETHEUS / "alerts.yml")


def test_each_alert_fires_and_is_quiet_otherwise() -> None:
    asked("promtool", "test", "rules", "alerts_test.yml", folder=PROMETHEUS)


def test_each_alert_has_a_test_and_says_what_to_do() -> None:
    tests = (PROMETHEUS / "alerts_test.yml").read_text(encoding="utf8")
    for rule in RULES:
        assert f'alertname="{rule.alert}"' in tests
        assert {"summary", "action"} <= rule.annotations.keys()


def test_prometheus_can_read_each_query(tmp_path: Path) -> None:
    rules = [{"record": "read", "expr": expr} for _, expr, _ in queries()]
    groups = [{"name": f"query {number}", "rules": [each]} for number, each in enumerate(rules)]
    (tmp_path / "queries.yml").write_bytes(msgspec.yaml.encode({"groups": groups}))
    asked("promtool", "check", "rules", tmp_path / "queries.yml")


@beside_the_server
async def test_queries_name_metrics_that_the_server_exports(metrics: Exported) -> None:
    for where, expr, _ in queries():
        named = set(re.findall(NAME, expr))
        assert named, where
        assert named <= metrics.keys() | OWN_METRICS | AT_EDGES, where


@beside_the_server
async def test_queries_name_labels_that_the_server_exports(metrics: Exported) -> None:
    for where, expr, legend in queries():
        for name, matchers in re.findall(NAME + r"\{([^}]*)\}", expr):
            labels = set(re.findall(r"(\w+)\s*(?:=~|=)", matchers))
            assert labels <= metrics.get(name, {}).keys() | OWN_LABELS, where
        of_all = {label for name in re.findall(NAME, expr) for label in metrics.get(name, {})}
        grouped = re.findall(r"\bby \(([^)]*)\)", expr)
        labels = {label.strip() for each in grouped for label in each.split(",")}
        assert labels <= of_all | OWN_LABELS, where
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= (labels or of_all), where


@beside_the_server
async def test_queries_name_values_that_the_server_exports(metrics: Exported) -> None:
    for where, expr, _ in queries():
        for name, matchers in re.findall(NAME + r"\{([^}]*)\}", expr):
            for label, pattern in re.findall(r'(\w+)\s*(?:=~|=)\s*"([^"]*)"', matchers):
                if label not in OWN_LABELS:
                    values = metrics[name][label]
                    assert any(re.fullmatch(pattern, value) for value in values), (where, values)

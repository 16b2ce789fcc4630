"""The compose files: every file that they mount is there, every setting that they give exists."""

from pathlib import Path
from typing import Any

import msgspec

from server.config import Config

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES: dict[str, dict[str, Any]] = msgspec.yaml.decode((DEPLOY / "compose.yaml").read_bytes())[
    "services"
]
MACHINES: dict[str, dict[str, Any]] = msgspec.yaml.decode(
    (DEPLOY / "compose.machines.yaml").read_bytes()
)["services"]


def test_everything_mounted_is_there() -> None:
    for service in (*SERVICES.values(), *MACHINES.values()):
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).exists(), source


def test_every_setting_exists() -> None:
    settings = {f"TOLK_{field.name.upper()}" for field in msgspec.structs.fields(Config)}
    for service in (SERVICES["tolk"], MACHINES["interpreter"], MACHINES["edge"]):
        assert service["environment"].keys() <= settings


def test_the_server_may_write_to_its_state_only() -> None:
    tolk = SERVICES["tolk"]
    assert tolk["read_only"]
    assert tolk["cap_drop"] == ["ALL"]
    assert [volume for volume in tolk["volumes"] if not volume.endswith(":ro")] == [
        "tolk:/var/lib/tolk"
    ]

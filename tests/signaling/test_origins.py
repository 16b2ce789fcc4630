import pytest

from signaling.origins import origin_allowed


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "tolk.local:8080", True),
        ("http://tolk.local:8080", "tolk.local:8080", True),
        ("https://Tolk.local", "tolk.LOCAL", True),
        ("https://tolk.local", "tolk.local:443", True),
        ("http://tolk.local", "tolk.local:80", True),
        ("http://tolk.local", "tolk.local:443", False),
        ("https://ok.org", "tolk.local", True),
        ("https://OK.org", "tolk.local", True),
        ("https://not-ok.org", "tolk.local", False),
        ("https://ok.org.evil.com", "tolk.local", False),
        ("http://ok.org", "tolk.local", False),
        ("http://tolk.local:9090", "tolk.local:8080", False),
        ("http://tolk.local", "tolk.local:8080", False),
        ("file://tolk.local", "tolk.local", False),
        ("null", "null", False),
        ("", "", False),
        ("", "tolk.local", False),
    ],
)
def test_origins(origin: str | None, host: str, allowed: bool) -> None:
    assert origin_allowed(origin, host, ["https://ok.org/"]) is allowed

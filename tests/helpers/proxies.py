"""nginx and Caddy with the settings of ``deploy/``, on other ports."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from server.http.tls import self_signed
from tests.helpers.programs import daemon, free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
#: The path below which the server is, in the settings for that.
BELOW = "/tolk"
CERTIFICATE_S = 30.0


@asynccontextmanager
async def nginx(folder: Path, port: int, upstream: int, path: str) -> AsyncIterator[None]:
    """nginx with ``tolk.conf``, for which it needs a frame and a certificate. With a ``path``, in a
    site that includes ``tolk-path.conf``."""
    self_signed(folder, ["localhost"])
    settings = DEPLOY / "nginx"
    certificate = f"{folder}/self-signed.pem"
    if path:
        included = (settings / "tolk-path.conf").read_text(encoding="utf8")
        site = _changed(included, {"127.0.0.1:8080": f"127.0.0.1:{upstream}"})
        site = (
            f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate};"
            f"ssl_certificate_key {certificate}; {site} }}"
        )
    else:
        given = {
            "127.0.0.1:8080": f"127.0.0.1:{upstream}",
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443 ": f"listen 127.0.0.1:{port} ",
            "/etc/nginx/tolk/fullchain.pem": certificate,
            "/etc/nginx/tolk/key.pem": certificate,
        }
        site = _changed((settings / "tolk.conf").read_text(encoding="utf8"), given)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; events {{}}\n"
        f"http {{ access_log off;\n{temporary}{site}\n}}\n"
    )
    command = ("nginx", "-c", folder / "nginx.conf", "-e", "stderr")
    async with daemon(*command, port=port, log=folder / "log"):
        yield


@asynccontextmanager
async def caddy(folder: Path, port: int, upstream: int, path: str) -> AsyncIterator[None]:
    """Caddy with its settings, as for a name that only this machine has."""
    settings = DEPLOY / "caddy" / ("Caddyfile.path" if path else "Caddyfile")
    site = _changed(
        settings.read_text(encoding="utf8"), {"127.0.0.1:8080": f"127.0.0.1:{upstream}"}
    )
    options = "admin off\n skip_install_trust\n auto_https disable_redirects\n grace_period 1s"
    (folder / "Caddyfile").write_text(f"{{\n {options}\n}}\n{site}")
    command = ("caddy", "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile")
    env = {
        "TOLK_NAME": f"https://localhost:{port}",
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    async with daemon(*command, port=port, log=folder / "log", env=env):
        await _has_certificate(port)
        yield


async def _has_certificate(port: int) -> None:
    """Wait until Caddy, which accepts connections before, has made its certificate."""
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    async with asyncio.timeout(CERTIFICATE_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(
                    "127.0.0.1", port, ssl=trusting, server_hostname="localhost"
                )
            except ssl.SSLError:
                await asyncio.sleep(0.02)
            else:
                writer.transport.abort()
                return


def _changed(settings: str, given: dict[str, str]) -> str:
    for text, ours in given.items():
        assert text in settings, text
        settings = settings.replace(text, ours)
    return settings

"""Whether the server in this container answers: exit status 0, else 1.

It asks ``/healthz`` by HTTP, then by HTTPS, on the port of ``TOLK_PORT``, or 8080 if that is no
number: Kubernetes sets it to a URL for a service named tolk. It does not check the certificate:
nobody is between a container and itself.
"""

import os
import ssl
import sys
import urllib.request

TIMEOUT_S = 2.0


def answers(url: str) -> bool:
    """Whether ``url`` is answered with a status of success."""
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),  # none, whatever the environment says
        urllib.request.HTTPSHandler(context=unchecked),
    )
    try:
        with opener.open(url, timeout=TIMEOUT_S):
            return True
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    port = os.environ.get("TOLK_PORT", "")
    authority = f"127.0.0.1:{port if port.isdecimal() else 8080}"
    healthy = any(answers(f"{scheme}://{authority}/healthz") for scheme in ("http", "https"))
    sys.exit(0 if healthy else 1)

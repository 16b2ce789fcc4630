"""One certificate for all connections of this process: a key, three digests and a TLS context
are made once, not once a participant. Browsers compare its fingerprint with the answer's, which
came by the page's own connection.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from aiortc import RTCCertificate, RTCConfiguration, RTCPeerConnection, rtcpeerconnection
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, SRTPProtectionProfile
from OpenSSL import SSL

#: aiortc's certificates are valid for 30 days.
RENEWED_BEFORE = timedelta(days=15)


class SharedCertificate(RTCCertificate):
    """A certificate that makes its TLS context and its fingerprints once."""

    @classmethod
    def of_this_process(cls) -> "SharedCertificate":
        """The one for new connections; another after some weeks."""
        if _certificate().expires - datetime.now(UTC) < RENEWED_BEFORE:
            _certificate.cache_clear()
        return _certificate()

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:
        if not hasattr(self, "_fingerprints"):
            self._fingerprints = super().getFingerprints()
        return self._fingerprints

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if not hasattr(self, "_context"):
            self._context = super()._create_ssl_context(srtp_profiles)
            # Nobody resumes: a cache would hold every participant's certificate.
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return self._context


def new_connection() -> RTCPeerConnection:
    """A connection with the shared certificate, which asks no STUN or TURN server."""
    module: Any = rtcpeerconnection
    original = module.RTCCertificate
    module.RTCCertificate = _Shared  # aiortc takes none from its configuration
    try:
        return RTCPeerConnection(RTCConfiguration(iceServers=[]))
    finally:
        module.RTCCertificate = original


class _Shared:
    @staticmethod
    def generateCertificate() -> SharedCertificate:
        return SharedCertificate.of_this_process()


@cache
def _certificate() -> SharedCertificate:
    return SharedCertificate.generateCertificate()

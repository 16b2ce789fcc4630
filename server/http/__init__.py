"""HTTP: pages, the API, TLS certificates, access tokens, addresses."""

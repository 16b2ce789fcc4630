"""What is served over HTTP: pages, addresses, certificates, who may do what."""

"""What operators see and do while streams are live: the page ``/operate`` and its API."""

"""The sandbox over HTTP: the API, the control door, limits, faults, webhooks, the server."""

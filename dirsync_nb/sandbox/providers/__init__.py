"""Identity providers that really send HTTP, sources that are polled, and scenarios in which they act."""

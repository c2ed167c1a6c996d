"""What the sandbox holds: the store, objects, ids, the clock, and each change together with its events."""

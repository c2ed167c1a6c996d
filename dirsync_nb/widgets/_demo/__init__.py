"""The demo console without its face: what happens, the page that tells of it, and the world it begins with."""

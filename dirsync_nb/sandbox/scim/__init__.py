"""The SCIM 2.0 door of a directory: what identity providers write to."""

"""Planted places: every way to write a key or an address that ``check`` promises to find, in every carrier.

``FORMS`` are texts with something in them; ``CARRIERS`` are the places of a notebook that can hold a text. The
lists are the promise of ``dirsync_nb.notebooks.secrets`` in full: what is to be found is added here first.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from .books import code, notebook, printed, prose, shown, state

SECRET = "Qk3vT9mWz7LpX2cRb8Ny4HsD"
KEY = f"sk_live_{SECRET}"
SOMEBODY = "ann.lee@harbour-works.com"
TABLE = f"id,email\n1,{SOMEBODY}\n"
HEX = "0123456789abcdef" * 4


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def _addresses() -> Iterator[tuple[str, str]]:
    yield from {
        "alone": SOMEBODY,
        "single quotes": f"['{SOMEBODY}']",
        "double quotes": f'["{SOMEBODY}"]',
        "repr of a dict": str({"email": SOMEBODY, "n": 1}),
        "repr of a user": f"User(email='{SOMEBODY}', active=True)",
        "repr within repr": repr(repr({"email": SOMEBODY})),
        "bytes": f"b'{SOMEBODY}'",
        "CSV": f"id,email\r\n1,{SOMEBODY},x\r\n",
        "CSV with semicolons": f"1;{SOMEBODY};x",
        "tabs": f"1\t{SOMEBODY}\tx",
        "round bracket behind": f"{SOMEBODY}(work)",
        "round bracket before": f"Ann({SOMEBODY})",
        "square bracket behind": f"{SOMEBODY}[1]",
        "angle brackets": f"Ann Lee <{SOMEBODY}>",
        "hyphen behind": f"{SOMEBODY}-2026",
        "underscore behind": f"{SOMEBODY}_2026.csv",
        "full stop behind": f"Ask {SOMEBODY}.",
        "dots before": f"...{SOMEBODY}",
        "slash before": f"/people/{SOMEBODY}/groups",
        "address of a page": f"https://{SOMEBODY}/x",
        "mailto": f"mailto:{SOMEBODY}?subject=hello",
        "assignment": f"email={SOMEBODY}&x=1",
        "star": f"*{SOMEBODY}*",
        "backticks": f"`{SOMEBODY}`",
        "pipe": f"|{SOMEBODY}|",
        "colon": f"To:{SOMEBODY}",
        "at before": f"@{SOMEBODY}",
        "plus": "ann+wo@harbour-works.com",
        "apostrophe": "o'hara@harbour-works.com",
        "quoted local part": '"ann lee"@harbour-works.com',
        "digits": "417@163.com",
        "capitals": "ANN.LEE@HARBOUR-WORKS.COM",
        "underscore": "_ann_@harbour-works.com",
        "many labels": "ann@a.b.c.harbour-works.co.uk",
        "long ending": "ann@harbour.engineering",
        "cut behind its end": f"{SOMEBODY}…",
        "international domain": "ann@bücher.de",
        "punycode": "ann@xn--bcher-kva.de",
        "international ending": "ann@пример.рф",
        "ending in punycode": "ann@harbour.xn--p1ai",
        "international local part": "žofie@harbour-works.com",
        "marks in a domain": "ann@उदाहरण.भारत",
        "wide letters": "ann＠harbour-works．com",
        "percent signs": quote(SOMEBODY, safe=""),
        "percent signs twice": quote(quote(SOMEBODY, safe="")),
        "entities": SOMEBODY.replace("@", "&#64;").replace(".", "&#x2e;"),
        "named entities": SOMEBODY.replace("@", "&commat;").replace(".", "&period;"),
        "entities twice": SOMEBODY.replace("@", "&amp;#64;"),
        "escapes": SOMEBODY.replace("@", "\\u0040").replace(".", "\\x2e"),
        "octal escapes": SOMEBODY.replace("@", "\\100"),
        "escapes in braces": SOMEBODY.replace("@", "\\u{40}"),
        "escapes twice": SOMEBODY.replace("@", "\\\\u0040"),
        "soft hyphens": SOMEBODY.replace("@", "\u00ad@\u00ad"),
        "zero width": SOMEBODY.replace("n", "n\u200b"),
        "a mark of direction": SOMEBODY.replace("@", "\u202a@"),
        "colour": "\x1b[1;31mann\x1b[0m.lee@harbour-\x1b[38;2;1;2;3mworks.com",
        "terminal link": f"\x1b]8;;mailto:{SOMEBODY}\x1b\\mail\x1b]8;;\x1b\\",
        "marks of a page": SOMEBODY.replace("@", "<b>@</b>"),
        "word breaks": SOMEBODY.replace("@", "@<wbr>"),
        "base64": b64(f"id,email\n1,{SOMEBODY}\n"),
        "base64 of an address": b64(SOMEBODY),
        "base64 for addresses of pages": base64.urlsafe_b64encode(f"???{SOMEBODY}???".encode()).decode(),
        "base64 without padding": b64(SOMEBODY).rstrip("="),
        "base64 behind a path": f"/a/{b64(SOMEBODY)}",
        "base64 in lines": base64.encodebytes(b"-" * 60 + SOMEBODY.encode() + b"-" * 48).decode(),
        "base64 of binary": b64(b"\x80\x04\x95\xff" + SOMEBODY.encode() + b"\x00\xfe"),
        "base64 of UTF-16": b64(SOMEBODY.encode("utf-16")),
        "base64 of gzip": b64(gzip.compress(SOMEBODY.encode(), mtime=0)),
        "base64 of zlib": b64(zlib.compress(SOMEBODY.encode())),
        "base64 of escapes": b64(json.dumps({"m": SOMEBODY}).replace("@", "\\u0040")),
        "a drawing in pieces": f"<svg><tspan>{SOMEBODY[:7]}</tspan><tspan>{SOMEBODY[7:]}</tspan></svg>",
        "link to a CSV": f'<a href="data:text/csv;base64,{b64(TABLE)}">CSV</a>',
        "link to a CSV in percent signs": f'<a href="data:text/csv,{quote(TABLE)}">CSV</a>',
        "picture in a page": f'<img src="data:image/png;base64,{b64(png((b"tEXt", TABLE.encode())))}">',
    }.items()
    for ending in [
        "md",
        "py",
        "sh",
        "rs",
        "pl",
        "ps",
        "zip",
        "mov",
        "so",
        "cc",
        "in",
        "is",
        "it",
        "at",
        "to",
        "do",
        "id",
        "me",
        "my",
        "no",
        "as",
        "or",
        "if",
    ]:
        yield f"ending .{ending}", f"mail ann@harbour.{ending} now"


def _keys() -> Iterator[tuple[str, str]]:
    yield from {
        "alone": KEY,
        "repr": str({"key": KEY}),
        "percent signs": KEY.replace("_", "%5F"),
        "percent signs twice": KEY.replace("_", "%255F"),
        "entities": KEY.replace("_", "&#95;"),
        "escapes": KEY.replace("_", "\\u005f"),
        "zero width": "\u200b".join(KEY),
        "soft hyphens": KEY[:14] + "\u00ad" + KEY[14:],
        "control characters": KEY[:5] + "\x00" + KEY[5:],
        "colour": f"{KEY[:6]}\x1b[0m{KEY[6:]}",
        "marks of a page": f"<span>{KEY[:6]}</span>{KEY[6:]}",
        "base64": b64(f"{KEY}:"),
        "base64 of JSON": b64(json.dumps({"key": KEY})),
        "wide letters": KEY.translate({code: code + 0xFEE0 for code in range(33, 127)}),
        "string in two lines": f'("{KEY[:11]}"\n    "{KEY[11:]}")',
        "continued line": f"{KEY[:12]}\\\n{KEY[12:]}",
        "quoted mail": f"> {KEY[:10]}\n> {KEY[10:]}",
    }.items()
    for place in (2, 5, 8, 9, 12, 16, 30):
        yield f"broken at {place}", f"{KEY[:place]}\n{KEY[place:]}"
    yield "broken by CRLF", f"{KEY[:12]}\r\n  {KEY[12:]}"


# Put together here, so that nobody's scanner takes this file for a leak.
OTHER_SERVICES = {
    "age": "AGE-SECRET-KEY-1" + "Q9Z3" * 15,
    "Anthropic": "sk-ant-" + "api03-" + SECRET * 2,
    "AWS": "AKIA" + "IOSFODNN7QXQMPLE",
    "AWS for a while": "ASIA" + "IOSFODNN7QXQMPLE",
    "AWS secret": "aws_secret_access_key = '" + "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + SECRET[:10] + "'",
    "Azure storage": "AccountKey=" + "Eby8vdM02xNOcqFlqUwJ" * 4 + "==",
    "Azure bus": "SharedAccessKey=" + "Eby8vdM02xNOcqFlqUwJ" * 2 + "=",
    "Databricks": "dapi" + HEX[:32],
    "DigitalOcean": "dop_v1_" + HEX,
    **{f"GitHub {kind}": f"gh{kind}_" + SECRET + "a1b2c3d4e5f6" for kind in "pousr"},
    "GitHub fine": "github_pat_" + "11ABCDEFG0" + SECRET * 2,
    "GitLab": "glpat-" + SECRET[:20],
    "Google": "AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
    "Google client": "GOCSPX-" + SECRET,
    "Google token": "ya29." + SECRET,
    "Hugging Face": "hf_" + SECRET + "AbCdEfGhIj",
    "Linear": "lin_api_" + SECRET + "AbCdEfGhIj",
    "npm": "npm_" + SECRET + "AbCdEfGhIjKl",
    "Notion": "ntn_" + SECRET + "AbCdEfGhIjKlMnOpQrSt",
    "Okta": "SSWS 00" + SECRET + "AbCdEfGhIj",
    "OpenAI": "sk-proj-" + SECRET * 2,
    "OpenAI, old": "sk-" + SECRET * 2,
    "PGP": "-----BEGIN PGP " + "PRIVATE KEY BLOCK-----\nlQOYBF\n",
    "Postman": "PMAK-" + HEX[:24] + "-" + HEX[:34],
    "PyPI": "pypi-AgE" + "IcHlwaS5vcmc" + SECRET * 2,
    "SendGrid": "SG." + SECRET[:22] + "." + SECRET + SECRET[:19],
    "Sentry": "sntrys_" + SECRET * 3,
    "Shopify": "shpat_" + HEX[:32],
    "Slack": "xoxb-" + "2401234567-2401234567890-" + SECRET,
    "Slack app": "xapp-" + "1-A02-" + SECRET,
    "Slack door": "https://hooks.slack.com/services/" + "T01ABCDEF/B01ABCDEF/" + SECRET,
    "Stripe": "rk_live_" + SECRET,
    "Twilio": "SK" + HEX[:32],
    "Vault": "hvs." + SECRET * 2,
    "database": "postgresql://app:" + "Tr0ub4dor" + "@db.internal:5432/app",
    "server": "https://bot:" + SECRET + "@git.internal/x.git",
    "in capitals": "AUTHORIZATION: BEARER " + SECRET,
    "a field": "SLACK_TOKEN='" + SECRET + "'",
}


def png(*chunks: tuple[bytes, bytes], behind: bytes = b"") -> bytes:
    """Make a PNG of these chunks, with its end and something behind that."""
    made = b"\x89PNG\r\n\x1a\n"
    for name, content in (*chunks, (b"IEND", b"")):
        made += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return made + behind


def jpeg(*segments: tuple[int, bytes], behind: bytes = b"") -> bytes:
    """Make what begins as a JPEG, of segments by marker; then a picture of noise, its end, and what follows."""
    made = b"\xff\xd8"
    for marker, content in segments:
        made += bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
    return made + b"\xff\xda\x00\x08" + bytes(range(40)) + b"\xff\xd9" + behind


def pictures(text: str) -> dict[str, tuple[str, bytes]]:
    """Return pictures that hold a text beside what is seen of them."""
    said = text.encode()
    exif = b"Exif\0\0II*\0\x08\0\0\0"
    return {
        "PNG text": ("image/png", png((b"tEXt", b"Comment\0" + said))),
        "PNG packed": ("image/png", png((b"zTXt", b"Comment\0\0" + zlib.compress(said)))),
        "PNG international": ("image/png", png((b"iTXt", b"Comment\0\0\0\0\0" + said))),
        "PNG EXIF": ("image/png", png((b"eXIf", exif + said))),
        "PNG of its own": ("image/png", png((b"prVW", said))),
        "PNG behind its end": ("image/png", png(behind=said)),
        "PNG broken off": ("image/png", png((b"tEXt", b"Comment\0" + said))[:-16]),
        "JPEG comment": ("image/jpeg", jpeg((0xFE, said))),
        "JPEG EXIF": ("image/jpeg", jpeg((0xE1, exif + said + b"\0"))),
        "JPEG EXIF of Windows": ("image/jpeg", jpeg((0xE1, exif + text.encode("utf-16-le") + b"\0\0"))),
        "JPEG behind its end": ("image/jpeg", jpeg(behind=said)),
        "GIF": ("image/gif", b"GIF89a\x01\0\x01\0\x80\0\0!\xfe" + bytes([len(said)]) + said + b"\0;"),
        "WebP": ("image/webp", b"RIFF\0\0\0\0WEBPXMP " + struct.pack("<I", len(said)) + said),
    }


FORMS: dict[str, tuple[str, str]] = {
    **{f"address, {name}": ("address", text) for name, text in _addresses()},
    **{f"key, {name}": ("key", text) for name, text in _keys()},
    **{f"key of {name}": ("key", text) for name, text in OTHER_SERVICES.items()},
}

CARRIERS: dict[str, Callable[[str], Any]] = {
    "source": lambda text: notebook(code(f"# {text}")),
    "prose": lambda text: notebook(prose(text)),
    "printed": lambda text: notebook(code(outputs=[printed(text)])),
    "printed in lines": lambda text: notebook(code(outputs=[printed(text.splitlines(keepends=True))])),
    "text": lambda text: notebook(code(outputs=[shown({"text/plain": text})])),
    "page": lambda text: notebook(code(outputs=[shown({"text/html": f"<td>{text}</td>"})])),
    "JSON": lambda text: notebook(code(outputs=[shown({"application/json": {"a": [{"b": text}]}})])),
    "JSON as text": lambda text: notebook(code(outputs=[printed(json.dumps(json.dumps({"a": text})))])),
    "vector picture": lambda text: notebook(code(outputs=[shown({"image/svg+xml": f"<svg>{text}</svg>"})])),
    "widget": lambda text: notebook(widgets=state("HTMLModel", text)),
    "buffer of a widget": lambda text: notebook(widgets=state("ImageModel", "", buffers=[{"data": b64(text)}])),
    "metadata": lambda text: notebook(code(note=text)),
}  # fmt: skip

"""How a text may be read: as it stands, as a page, a log or a program shows it, and what is packed in it.

Every step takes time that grows with the length of the text alone.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import html
import re
import struct
import zlib
from collections.abc import Iterator
from urllib.parse import unquote

__all__ = ["image_texts", "packed_texts", "unbase64", "views"]

_ANSI = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]?|\][^\x07\x1b]*+(?:\x07|\x1b\\)?|[@-Z^_])")
# Written, and not seen: soft hyphens, joiners, marks of direction, selectors, tags; control characters.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]+"
)
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # letters as wide as a Chinese character
_INLINE_TAG = re.compile(
    r"</?(?:a|b|bdi|bdo|code|em|font|i|mark|s|small|span|strong|sub|sup|tspan|tt|u|wbr)\b[^<>]*>", re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]*>")
_ESCAPE = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|([/\"'@\\nrt]))"
)
_LINES = {"n": "\n", "r": "\r", "t": "\t"}
_DEPTH = 5  # JSON within a JSON string within another; an address of a page within another
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}+={0,2}")
_WRAPPED = re.compile(  # base64 in lines, as in mail
    r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{60,76}+\r?\n)++[A-Za-z0-9+/]{1,76}+={0,2}"
)
_SHORT = 4_000  # characters; in words of up to this length base64 may begin at any place, as in a web address
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_RUN = re.compile(rb"[\t -~]{8,}+")  # what `strings` would show of a file
_MOST = 1_000_000  # bytes of one packed text


def views(text: str) -> list[str]:
    """Return the text as it stands, and as a reader of a page, a log or a string would see it; each once."""
    plain = _seen(text)
    page = [_resolved(_TAG.sub(" ", _INLINE_TAG.sub("", plain)))] if "<" in plain else []
    return list(dict.fromkeys([text, plain, _resolved(plain), *page]))


def _resolved(text: str) -> str:
    """Put the character in place of every way to write one."""
    for _ in range(_DEPTH):
        before = text
        if "&" in text:
            text = html.unescape(text)
        if "%" in text:
            text = unquote(text)
        if "\\" in text:
            text = _ESCAPE.sub(_character, text)
        if text == before:
            break
    return _seen(text if text.isascii() else text.translate(_WIDE))


def _seen(text: str) -> str:
    """Take out what a reader does not see."""
    return text if text.isprintable() else _UNSEEN.sub("", _ANSI.sub("", text))


def _character(escape: re.Match[str]) -> str:
    short, braced, long, byte, octal, itself = escape.groups()
    if itself:
        return _LINES.get(itself, itself)
    code = int(octal, 8) if octal else int(short or braced or long or byte, 16)
    return chr(code) if code <= 0x10FFFF else escape[0]


# -- what is packed ------------------------------------------------------------------------------------------


def unbase64(text: str) -> bytes:
    """Decode base64 with or without line ends and padding, and a letter too many; b"" if it is none."""
    compact = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    compact = compact[:-1] if len(compact) % 4 == 1 else compact
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def packed_texts(text: str, depth: int = 2) -> Iterator[str]:
    """Return what is written in base64 in a text, also twice: whole texts, and the words in what is none."""
    for pattern in (_BASE64, _WRAPPED):
        for match in pattern.finditer(text):
            for start in range(4 if len(match[0]) <= _SHORT else 1):
                for inner in _words_of(unbase64(match[0][start:])):
                    yield inner
                    if depth > 1:
                        yield from packed_texts(inner, depth - 1)


def _words_of(data: bytes) -> Iterator[str]:
    if data.startswith((_PNG, _JPEG)):
        yield from image_texts(data)
    elif data.startswith(b"\x1f\x8b"):
        with contextlib.suppress(zlib.error):
            yield from _runs(_inflated(data, zlib.MAX_WBITS | 16))
    elif data.startswith(_ZLIB):
        with contextlib.suppress(zlib.error):
            yield from _runs(_inflated(data))
    elif data:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            yield from _runs(data)
        else:
            yield text.replace("\0", "")


def _runs(data: bytes) -> Iterator[str]:
    """Return the readable pieces of bytes, a line each; of UTF-16 as well, where every other byte is 0."""
    for view in (data, data.replace(b"\0", b"")) if b"\0" in data else (data,):
        if runs := _RUN.findall(view):
            yield b"\n".join(runs).decode("ascii")


def _inflated(data: bytes, window: int = zlib.MAX_WBITS) -> bytes:
    return zlib.decompressobj(window).decompress(data, _MOST)


# -- pictures ------------------------------------------------------------------------------------------------


def image_texts(data: bytes) -> Iterator[str]:
    """Return the words in an image file: what stands beside the picture, and behind its end."""
    parts = _png_parts if data.startswith(_PNG) else _jpeg_parts if data.startswith(_JPEG) else None
    for part in parts(data) if parts else (data,):
        with contextlib.suppress(UnicodeDecodeError):
            yield part.decode()
        yield from _runs(part)


def _png_parts(data: bytes) -> Iterator[bytes]:
    place = len(_PNG)
    while place + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        chunk = data[place + 8 : place + 8 + length]
        place += 12 + length
        if name == b"IEND":
            break
        if name in (b"tEXt", b"eXIf"):
            yield chunk
        elif name in (b"zTXt", b"iTXt", b"iCCP"):
            yield chunk
            yield from _packed_in_png(chunk)
        elif not name[:1].isupper() or not name.isalpha():  # nothing that a picture needs
            yield chunk
    yield data[place:]


def _packed_in_png(chunk: bytes) -> Iterator[bytes]:
    for start in (place + 1 for place, byte in enumerate(chunk[:400]) if byte == 0):
        with contextlib.suppress(zlib.error):
            yield _inflated(chunk[start:])


def _jpeg_parts(data: bytes) -> Iterator[bytes]:
    """Return the segments before the picture (EXIF, XMP, comments), and what follows its end."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        length = int.from_bytes(data[place + 2 : place + 4])
        yield data[place + 4 : place + 2 + length]
        place += 2 + length
    end = data.rfind(b"\xff\xd9")
    yield data[end + 2 :] if end >= place else data[place:]

"""JSON objects that carry their own check sum: the last entry is the SHA-256 of all before it.

The digest is over the text as it stands in a file. Parsing it and writing it again would make the
digest depend on how this process reads and writes floating-point numbers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["is_whole", "seal"]

_SEALED = re.compile(r'(.*), "sha256": "([0-9a-f]{64})"\}', re.DOTALL)


def seal(content: Mapping[str, Any], attached: Iterable[bytes] = ()) -> str:
    """Return an object, not empty, as JSON with the digest of its text and of what is attached.

    Examples
    --------
    >>> text = seal({"verdict": "limit"})
    >>> is_whole(text), is_whole(text.replace("limit", "proved"))
    (True, False)
    """
    text = json.dumps(content, allow_nan=False)[:-1]
    return f'{text}, "sha256": "{_digest(text, attached)}"}}'


def is_whole(text: str, attached: Iterable[bytes] = ()) -> bool:
    """Whether `seal` may have written a text, attached to the same bytes."""
    match = _SEALED.fullmatch(text)
    return match is not None and _digest(match[1], attached) == match[2]


def _digest(text: str, attached: Iterable[bytes]) -> str:
    sha256 = hashlib.sha256(text.encode(errors="surrogatepass"))
    for part in attached:
        sha256.update(part)
    return sha256.hexdigest()

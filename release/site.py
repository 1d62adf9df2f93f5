"""A hook of the documentation's builder: links that leave `docs/` lead to the repository.

On a page of the repository `../CONTRIBUTING.md` is right; the site has only `docs/`.
"""

import posixpath
import re
from typing import Any

_LINK = re.compile(r"(\]\()((?:\.\./)+[^)\s]*)(\))")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:  # noqa: ANN401  MkDocs
    """The page with such links made absolute."""
    folder = posixpath.join("docs", posixpath.dirname(page.file.src_uri))
    return outward(markdown, folder, f"{config.repo_url.rstrip('/')}/blob/main")


def outward(markdown: str, folder: str, repository: str) -> str:
    """Links from a page of this folder to files outside `docs/`, led to the repository."""

    def led(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, found[2]))
        if target.startswith("docs/"):
            return found[0]
        return f"{found[1]}{repository}/{target}{found[3]}"

    return _LINK.sub(led, markdown)

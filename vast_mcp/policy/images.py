"""Image names as a registry reads them, so that no spelling of one passes or misses a pattern."""

from fnmatch import fnmatchcase

_HUB = "docker.io"
_HUB_NAMES = frozenset({_HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
"""All of them are the one registry that a name without a host belongs to."""
_OFFICIAL = "library/"


def allowed_image(image: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of these shell-style patterns covers the image; an unknown image fits none.

    `ubuntu`, `library/ubuntu:latest` and `Docker.io/library/ubuntu` are one image. A digest decides
    what runs, whatever tag stands before it, so the tag is not compared then.
    """
    forms = _forms(image)
    return any(fnmatchcase(form, _pattern(pattern)) for form in forms for pattern in patterns)


def tagged(image: str) -> str:
    """An image name with a tag, as the registry would read it: no tag means `latest`."""
    last = image.rsplit("/", 1)[-1]
    if not image or ":" in last or "@" in last or last.endswith("*"):
        return image
    return f"{image}:latest"


def _forms(image: str) -> tuple[str, ...]:
    """The image whole, and the shorter names it has on the registry that needs no host."""
    name, rest = _split(tagged(image.strip()))
    host, path = _place(name)
    if not path:
        return ()
    if host != _HUB:
        return (f"{host}/{path}{rest}",)
    short = [path] if "." not in path.partition("/")[0] else []
    if "/" not in path:
        short = [path, f"{_OFFICIAL}{path}"]
    elif path.startswith(_OFFICIAL):
        short = [path.removeprefix(_OFFICIAL), path]
    whole = path if "/" in path else f"{_OFFICIAL}{path}"
    return (f"{_HUB}/{whole}{rest}", *(f"{pattern}{rest}" for pattern in short))


def _pattern(pattern: str) -> str:
    """A pattern in the spelling that the forms have: the same registry, small letters, a tag."""
    name, rest = _split(tagged(pattern.strip()))
    first, slash, path = name.partition("/")
    if slash and first in _HUB_NAMES:
        return f"{_HUB}/{path}{rest}"
    return f"{name}{rest}"


def _split(image: str) -> tuple[str, str]:
    """The name in small letters, and its tag or digest; of both the digest."""
    before, at, digest = image.partition("@")
    last = before.rfind(":")
    has_tag = last > before.rfind("/")
    name = (before[:last] if has_tag else before).lower()
    tag = before[last:] if has_tag else ""
    # `image:@vastai-automatic-tag` is no digest: the vendor puts a tag of its own there.
    if at and (not has_tag or tag != ":"):
        return name, f"@{digest.lower()}"
    return name, f"{tag}{at}{digest}"


def _place(name: str) -> tuple[str, str]:
    """The registry's host, and the path there."""
    first, slash, path = name.partition("/")
    if slash and (first in _HUB_NAMES):
        return _HUB, path
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, path
    return _HUB, name

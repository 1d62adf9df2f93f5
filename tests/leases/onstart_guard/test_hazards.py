"""Promise: the guard inside a machine is claimed only where nothing that was given can end it."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.world import ToolFailed, World
from vast_mcp.account.reserved_names import is_reserved
from vast_mcp.api.wire_templates import decode_template
from vast_mcp.leases.onstart_guard.hazards import hazard
from vast_mcp.models import Template

RESERVED = (
    "CONTAINER_ID", "CONTAINER_API_KEY", "PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "ENV",
    "IFS", "HOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "VAST_CONTAINERLABEL",
    "VAST_API_KEY",
    "VMCP_INTENT", "VMCP_ANYTHING", "SHELLOPTS", "BASHOPTS", "HTTPS_PROXY", "https_proxy",
    "all_proxy",
    "CURL_CA_BUNDLE", "CURL_HOME", "SSL_CERT_FILE", "WGETRC", "HOSTALIASES", "path", "Container_Id",
    "OPENSSL_CONF", "POSIXLY_CORRECT", "PS4", "GREP_OPTIONS", "DYLD_INSERT_LIBRARIES",
)  # fmt: skip
FREE = ("HF_HOME", "MODEL", "PYTHONUNBUFFERED", "CUDA_VISIBLE_DEVICES", "LANG", "LC_ALL", "TZ",
        "JUPYTER_DIR", "DATA_DIRECTORY", "WANDB_PROJECT", "HOMEPAGE", "MY_PATH",
        "ENVIRONMENT")  # fmt: skip


@pytest.mark.parametrize("name", RESERVED)
async def test_a_machine_cannot_be_given_a_variable_that_the_guard_lives_by(
    name: str, tmp_path: Path
) -> None:
    """As a variable or as a secret: refused before anything is sent, with a way to do it."""
    world = World(tmp_path)
    offer = await world.cheap_offer()
    async with world.connect() as client:
        for given in ({"env": {name: "x"}}, {"secrets": [f"{name}=generate"]}):
            with pytest.raises(ToolFailed, match=name):
                await world.call(client, "create_instance", offer_id=offer.offer_id, **given)
    assert world.simulator.mutations() == []


@pytest.mark.parametrize("name", FREE)
def test_an_ordinary_variable_may_be_set(name: str) -> None:
    """What a program needs and the guard does not read."""
    assert not is_reserved(name)


@pytest.mark.parametrize(
    "script",
    [
        "pkill -f sh", "killall sh", "kill -9 -1", "kill -KILL -1", "ps ax | xargs kill -9",
        "reboot",
        "iptables -A OUTPUT -j DROP", "echo 127.0.0.1 console.vast.ai >> /etc/hosts",
        "echo > /etc/resolv.conf", "rm -rf /root/.vmcp", "rm -rf ~", "rm -rf /root",
        "rm /usr/bin/curl",
        "mv /usr/bin/curl /tmp", "chmod -x /usr/bin/curl /usr/bin/wget", "export CONTAINER_ID=1",
        "CONTAINER_API_KEY= ./run", "echo proxy=x > /root/.curlrc", "#!/bin/bash -n\necho x",
        "#!/bin/bash --version\n", "#!/bin/sh -c true\n", "date -s 2020-01-01", "unshare -m true",
    ],
)  # fmt: skip
def test_a_script_that_could_end_or_blind_it_is_seen(script: str) -> None:
    """The machine is rented all the same; the layer is not claimed, and the reason is told."""
    assert "its start script" in hazard("x/y", None, script)


@pytest.mark.parametrize(
    "script",
    [
        "echo hi", "set -e\npip install torch", "exec python3 serve.py", "exit 0", "kill 0",
        "#!/bin/bash -e\necho x", "#!/usr/bin/env bash\nset -euo pipefail", "#!/bin/bash -eux\n",
        "#!/usr/bin/env python3\nprint(1)", "rm -rf /tmp/x", "# pkill is not used here\necho",
        "env >> /etc/environment", "rm -rf /root/project", "nohup ./skills.sh &",
    ],
)  # fmt: skip
def test_an_ordinary_script_takes_nothing_away(script: str) -> None:
    """The guard stands before it, in a session of its own: `exec`, `exit`, `kill 0` do no harm."""
    assert hazard("x/y", None, script) == ""


def test_only_a_first_line_names_the_shell() -> None:
    """A shebang further down is a comment."""
    assert hazard("x/y", None, "#!/bin/sh -n\necho") != ""
    assert hazard("x/y", None, "echo a\n#!/bin/sh -n\n") == ""


def _template(env: str, onstart: str = "") -> Template:
    return decode_template(
        {"id": 1, "hash_id": "a" * 32, "name": "t", "image": "x/y", "env": env, "onstart": onstart}
    )


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ("--entrypoint /bin/true", "--entrypoint"), ("--entrypoint=/bin/true", "--entrypoint"),
        ("-p 1:1 -e PATH=/x", "PATH"), ('-e "CONTAINER_ID=1"', "CONTAINER_ID"), ("-eHOME=/x",
        "HOME"),
        ("--env LD_PRELOAD=/x", "LD_PRELOAD"), ("--network none", "--network"), ("-u nobody", "-u"),
        ("--env-file /x", "--env-file"), ("-e 'unclosed", "unreadable form"),
    ],
)  # fmt: skip
def test_a_templates_docker_options_are_looked_at(env: str, why: str) -> None:
    """Its values are dropped at decoding: they may be secrets."""
    assert why in hazard("x/y", _template(env), None)


def test_a_templates_own_script_counts_where_none_was_given() -> None:
    """The request's replaces it."""
    template = _template("-p 1:1 -e JUPYTER_DIR=/", "pkill -f sh")
    assert "the template's start script" in hazard("x/y", template, None)
    assert hazard("x/y", template, "echo mine") == ""
    assert template.docker_options == ("-p", "-e JUPYTER_DIR")
    assert hazard("gcr.io/distroless/python3", replace(template, onstart=""), None) != ""


async def test_the_layer_is_not_claimed_and_the_reason_stands_in_the_answer(tmp_path: Path) -> None:
    """Through the main door."""
    world = World(tmp_path)
    offer = await world.cheap_offer()
    async with world.connect() as client:
        told = await world.call(
            client, "create_instance", offer_id=offer.offer_id, onstart="pkill -f guard",
            max_price_usd_per_hour=1.0,
        )  # fmt: skip
    assert told["lease_layers"] == ["server", "watch"]
    assert "its start script has `pkill`" in " ".join(told["warnings"])


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('#!/bin/sh "\necho x', "its start script begins with a line that cannot be read"),
        ("#!/bin/bash -n\necho x", "its start script runs its shell with -n"),
        ("#!/bin/bash -e\necho x", ""),
        ("#!/usr/bin/env -S bash -n\necho x", "its start script runs its shell with -n"),
        ("#!/usr/bin/env bash\necho x", ""),
        ("#!/usr/bin/env\necho x", ""),
        ("#!/usr/bin/python3 -n\nx", ""),
        ("echo x", ""),
    ],
)
def test_a_first_line_that_keeps_the_guard_from_running_is_named(script: str, said: str) -> None:
    """A shell that is told not to run what it reads runs no guard; no shell is no matter."""
    assert hazard("ubuntu:22.04", None, script) == said

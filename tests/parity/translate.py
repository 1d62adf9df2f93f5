"""The official client's command line as calls of our builders, or why it is not ours.

See docs/hazards.md#retries, docs/vendor-api.md#creating-an-instance, docs/vendor-api.md#serverless.
"""

import argparse
import itertools
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from tests.parity.corpus import Case
from vast_mcp.actions.copy_ends import place
from vast_mcp.api.query import parse_order, parse_query
from vast_mcp.models import Rental, Scaling
from vast_mcp.operations import Call, Json, copying, instances, market, on_instances, serverless
from vast_mcp.operations.instances import Connect, CreateSpec
from vast_mcp.operations.keys import SHOW_KEYS, KindOfKey


@dataclass(frozen=True)
class NotOurs:
    """Something we do not send, and why."""

    reason: str


Translation = list[Call] | NotOurs


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise AssertionError(f"the translation lacks an option: {message}")


def translate(case: Case) -> Translation:
    """Our calls for the case. Raises InputInvalid where we refuse the words."""
    return _AREAS[case.area](case)


def _search(case: Case) -> Translation:
    parser = _Parser()
    parser.add_argument("query", nargs="*")
    parser.add_argument("-n", action="store_true")
    for flag in (("-b", "-i", "--bid"), ("-r",), ("--new",), ("--raw",)):
        parser.add_argument(*flag, action="store_true", dest=flag[0].strip("-"))
    parser.add_argument("-t", "--type", default="on-demand")
    parser.add_argument("--storage", type=float, default=5.0)
    parser.add_argument("-o", "--order", default="score-")
    parser.add_argument("--limit", type=int)
    words = parser.parse_args(list(case.argv[2:]))
    filters: dict[str, Json] = dict.fromkeys(market.default_filters()) if words.n else {}
    filters |= parse_query(" ".join(words.query))
    rental: Rental = "on_demand"
    if words.b or words.type in {"bid", "interruptible"}:
        rental = "interruptible"
    elif words.r or words.type == "reserved":
        rental = "reserved"
    order = parse_order(words.order)
    return [
        market.search_offers(
            filters, rental=rental, disk_gb=words.storage, order=order, limit=words.limit
        )
    ]


_FOREIGN_OPTIONS = {
    "--create-volume": "volumes are rented by their own tools",
    "--link-volume": "volumes are attached by docker_options, not by volume_info",
    "--python-utf8": "locale switches are left to the image",
    "--extra=--shm-size=1g": "a hidden option that the vendor does not document",
    "--jupyter-dir": "jupyter opens where the image says",
    "--force": "never skips the vendor's checks",
}


def _create(case: Case) -> Translation:
    if case.argv[1] == "instances":
        return NotOurs("bulk create: its ids cannot be bound to one approval")
    for option, reason in _FOREIGN_OPTIONS.items():
        if option in case.argv:
            return NotOurs(reason)
    if not case.sent:
        return NotOurs("refused by the client's own option rules before anything is sent")
    if "--args" in case.argv and "--ssh" in case.argv:
        return NotOurs("ssh and a container command exclude each other here")
    words = _create_words(case.argv[2:])
    connect: Connect | None = "jupyter" if words.jupyter or words.jupyter_lab else "ssh"
    if words.template_hash:
        connect = None
    elif words.args is not None:
        connect = "args"
    env, ports, options = _docker(words.env)
    script = case.files.get(words.onstart or "") or words.onstart_cmd or words.entrypoint
    spec = CreateSpec(
        image=words.image,
        template_hash=words.template_hash,
        disk_gb=words.disk,
        label=words.label or "",
        bid_usd_per_hour=words.bid_price,
        env=env,
        ports=ports,
        docker_options=options,
        onstart=script,
        connect=connect,
        args=tuple(words.args or ()),
        image_login=words.login,
    )
    return [instances.create_instance(words.offer, spec)]


def _create_words(argv: tuple[str, ...]) -> argparse.Namespace:
    parser = _Parser()
    parser.add_argument("offer", type=int)
    for name in (
        "image",
        "template_hash",
        "label",
        "login",
        "onstart",
        "onstart-cmd",
        "entrypoint",
    ):
        parser.add_argument(f"--{name}")
    parser.add_argument("--env", default="")
    parser.add_argument("--disk", type=float, default=10.0)
    parser.add_argument("--bid_price", type=float)
    for name in ("ssh", "jupyter", "direct", "jupyter-lab", "raw", "cancel-unavail"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--args", nargs=argparse.REMAINDER)
    return parser.parse_args(list(argv))


Pairs = tuple[tuple[str, str], ...]


def _docker(text: str) -> tuple[Pairs, tuple[str, ...], Pairs]:
    """Variables, ports and other options out of docker's flags."""
    env, ports, options = [], [], []
    words = shlex.split(text)
    for flag, value in itertools.pairwise(words):
        name, equals, content = value.partition("=")
        if flag == "-e" and equals:
            env.append((name, content))
        elif flag == "-p" and "-" not in value:
            ports.append(value.split(":")[1])
        elif flag == "-h":
            options.append(("-h", value))
        elif flag in {"-v", "-n"}:
            options.append((f"{flag} {value}", "1"))
    return tuple(env), tuple(ports), tuple(options)


def _show(case: Case) -> Translation:
    words = case.argv
    if words[:2] == ("show", "instance"):
        return [instances.show_instance(int(words[2]))]
    if words[0] in {"ssh-url", "scp-url"}:
        return NotOurs("an address is taken from show_instance, not from a search in the list")
    if {"--status", "--verification"} & set(words):
        return NotOurs("states are filtered here, on the whole list")
    tokens: list[str | None] = [dict(sent.query).get("after_token") for sent in case.sent]
    pages = [
        t for t, sent in zip(tokens, case.sent, strict=True) if sent.path.startswith("/api/v1")
    ]
    return [instances.list_instances(after_token=token) for token in pages]


_FOREIGN_VERBS = {
    "update": "changing an instance's template is not declared yet",
    "prepay": "prepaying is not declared yet",
    "take": "snapshots are not declared yet",
    "accept": "price increases are not declared yet",
    "reject": "price increases are not declared yet",
}


def _recycled(instance_id: int) -> Call:
    declared = on_instances.RECYCLE_INSTANCE
    return declared.call(on_instances.OneInstance(instance_id), {})


def _manage(case: Case) -> Translation:
    verb, noun, *rest = case.argv
    if "--schedule" in rest:
        return NotOurs("scheduled jobs are not declared yet")
    if noun == "instances":
        return NotOurs("many at once: each machine is stopped, started or destroyed singly")
    if verb in _FOREIGN_VERBS or noun == "pending-price-increases":
        return NotOurs(_FOREIGN_VERBS.get(verb, "price increases are not declared yet"))
    if not case.sent:
        return NotOurs("ended at the client's own prompt")
    target = int(rest[0])
    if verb == "change":
        if "--price" not in rest:
            return NotOurs("a bid without a number lets the server choose the price")
        return [instances.change_bid(target, float(rest[rest.index("--price") + 1]))]
    if verb == "label":
        return [on_instances.label_instance(target, rest[1])]
    builders: dict[str, Callable[[int], Call]] = {
        "start": instances.start_instance,
        "stop": instances.stop_instance,
        "destroy": instances.destroy_instance,
        "reboot": instances.reboot_instance,
        "recycle": _recycled,
    }
    return [builders[verb](target)]


def _logs(case: Case) -> Translation:
    verb, *rest = case.argv
    if "--schedule" in rest:
        return NotOurs("scheduled jobs are not declared yet")
    if verb == "reports":
        return NotOurs("reports about a machine are its host's")
    if verb == "execute":
        builder = instances.delete_disk_files if rest[1].startswith("rm") else instances.list_disk
        return [builder(int(rest[0]), rest[1])]
    tail = int(rest[rest.index("--tail") + 1]) if "--tail" in rest else None
    match = rest[rest.index("--filter") + 1] if "--filter" in rest else ""
    daemon = "--daemon-logs" in rest
    return [instances.request_logs(int(rest[0]), tail=tail, match=match, daemon=daemon)]


def _serverless(case: Case) -> Translation:
    verb, noun, *rest = case.argv
    options = dict(itertools.pairwise(rest))
    if (verb, noun) == ("show", "endpoints"):
        return [serverless.list_endpoints()]
    if (verb, noun) == ("show", "workergroups"):
        return [serverless.list_workergroups()]
    if (verb, noun) == ("get", "endpt-workers"):
        return [serverless.list_workers(int(rest[0]))]
    if (verb, noun) == ("create", "endpoint"):
        return _create_endpoint(options)
    if (verb, noun) == ("update", "endpoint"):
        min_load, util, mult = (
            float(options[f"--{name}"]) for name in ("min_load", "target_util", "cold_mult")
        )
        whole = Scaling(
            endpoint_name=options["--endpoint_name"], max_workers=3, cold_workers=1,
            min_load=min_load, target_util=util, cold_mult=mult, endpoint_state="active",
        )  # fmt: skip
        return [serverless.update_endpoint(int(rest[0]), whole)]
    if (verb, noun) == ("create", "workergroup") and "--search_params" in options:
        return [
            serverless.create_workergroup(
                "endpoint-name",
                int(options["--endpoint_id"]),
                template_hash=options.get("--template_hash", "hash-of-5"),
                search=options["--search_params"] + serverless.SEARCH_SUFFIX,
                launch_args=options.get("--launch_args", ""),
            )
        ]
    return NotOurs(_serverless_reason(verb, noun))


def _create_endpoint(options: dict[str, str]) -> Translation:
    if "--endpoint_name" not in options:
        return NotOurs("an endpoint is never made without a name and limits of its own")
    if "--max_queue_time" in options:
        return NotOurs("queue times and cold load are not offered at creation")
    return [
        serverless.create_endpoint(
            options["--endpoint_name"],
            max_workers=int(options.get("--max_workers", "20")),
            cold_workers=int(options.get("--cold_workers", "5")),
            min_load=float(options.get("--min_load", "0")),
        )
    ]


def _serverless_reason(verb: str, noun: str) -> str:
    if verb == "run":
        return "benchmarks are not declared yet"
    if "logs" in noun:
        return "serverless logs are not declared yet"
    if noun == "workergroup" and verb == "create":
        return "a workergroup is never made without a search"
    if noun in {"workergroup", "workers"}:
        return "changing workergroups is not declared: an update resets its search"
    return "deployments are not declared yet"


def _copy(case: Case) -> Translation:
    verb, noun, *rest = case.argv
    if (verb, noun) == ("cancel", "copy"):
        return [copying.cancel_copy(int(rest[0]))]
    if verb != "copy":
        return NotOurs("cloud stores are not copied from or to")
    heads = [text.partition(":")[0] for text in (noun, *rest) if ":" in text]
    if len(heads) < 2 or "local" in heads:
        return NotOurs("files of this computer go over SSH, with checksums")
    if any(re.match(r"[a-z]\w*\.", head) for head in heads):
        return NotOurs("cloud stores are not copied from or to")
    source, target = place(noun, "source", target=False), place(rest[0], "destination", target=True)
    return [copying.copy_direct(source.vendor_id, source.path, target.vendor_id, target.path)]


def _keys(case: Case) -> Translation:
    verb, noun, *rest = case.argv
    kinds: dict[str, KindOfKey] = {
        "ssh-keys": KindOfKey("ssh"), "api-keys": KindOfKey("api"), "env-vars": KindOfKey("env"),
    }  # fmt: skip
    if verb == "show":
        return [SHOW_KEYS.call(kinds[noun])]
    if verb == "attach" and not rest[1].startswith("ssh-"):
        return NotOurs("the line of a key is given, not a file's name")
    if verb == "attach":
        return [on_instances.attach_ssh_key(int(rest[0]), rest[1])]
    if verb == "detach":
        given = on_instances.KeyToDetach(int(rest[0]), int(rest[1]))
        return [on_instances.DETACH_SSH_KEY.call(given, {})]
    return NotOurs("the account's own keys are not changed yet")


_AREAS: dict[str, Callable[[Case], Translation]] = {
    "search-offers": _search,
    "create-instance": _create,
    "instances-show": _show,
    "instances-manage": _manage,
    "logs-execute": _logs,
    "serverless": _serverless,
    "copy": _copy,
    "keys": _keys,
}

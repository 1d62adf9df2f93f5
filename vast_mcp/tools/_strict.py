"""Every tool passes here: strict arguments, lean schemas, lean answers, errors that say what to do.

The main clients show the model only the structured object of a success and only the text of an
error; so nulls are dropped, the text is the compact JSON of the same object, and an error's text
says all. Known secret values are removed here, at the last writer.
"""

import difflib
import json
from collections.abc import Callable, Mapping
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError

from vast_mcp.errors import VastMcpError
from vast_mcp.guard.replies import nothing_spent
from vast_mcp.text import clean_line
from vast_mcp.tools._lifespan import Lifespan

ERROR_LIMIT = 1_000
_WORDS = {
    "missing": "is required",
    "list_type": 'must be a list, such as ["a", "b"]',
    "dict_type": "must be an object of names and values",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "greater_than": "must be above {gt:.10g}",
    "greater_than_equal": "must be at least {ge:.10g}",
    "less_than_equal": "must be at most {le:.10g}",
    "literal_error": "must be {expected}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} items",
}
"""What the library finds, in the words that the rest of our refusals use."""
Scrub = Callable[[str], str]


class StrictTool(Tool):
    """A tool of this server."""

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,
    ) -> Any:  # noqa: ANN401  the SDK's signature
        """Check the names, run, and shape what comes out."""
        scrub = _scrubber(context)
        try:
            self._check_names(arguments)
        except ToolError as error:
            raise ToolError(self._first_the_money(str(error))) from error
        try:
            result = await super().run(arguments, context, convert_result)
        except UnexpectedToolError as error:
            if isinstance(error.__cause__, VastMcpError):
                raise ToolError(scrub(str(error.__cause__))) from error.__cause__
            raise
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                told = f"{self.name}: {_faults(error.__cause__)}"
                raise ToolError(scrub(self._first_the_money(told))) from error
            raise ToolError(scrub(str(error))) from error
        if isinstance(result, CallToolResult) and result.structured_content is not None:
            return _compact(result, scrub)
        return result

    def _first_the_money(self, told: str) -> str:
        """What a wrong argument did: nothing; where the tool spends, this is said first."""
        spends = nothing_spent(self.name, told) != told
        return nothing_spent(self.name, told.removesuffix(" Nothing was done.")) if spends else told

    def _check_names(self, arguments: Mapping[str, Any]) -> None:
        known = list(self.parameters.get("properties", {}))
        for name in arguments:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                raise ToolError(
                    f"{self.name}: unknown argument {clean_line(name, 60)!r}{hint}; nothing was"
                    f" done. Known: {', '.join(known) or 'none'}."
                )
            self._check_truth(name, arguments[name])

    def _check_truth(self, name: str, value: object) -> None:
        """Python counts `true` as 1: it must name no instance and be no price."""
        kind = self.parameters["properties"][name].get("type")
        if isinstance(value, bool) and kind in {"integer", "number"}:
            raise ToolError(f"{self.name}: {name}: must be a number. Nothing was done.")


def _scrubber(context: Context[Any, Any]) -> Scrub:
    lifespan: Lifespan = context.request_context.lifespan_context
    return lifespan.scrub


def _faults(error: ValidationError) -> str:
    parts = []
    for fault in error.errors(include_url=False, include_input=False):
        place = ".".join(str(step) for step in fault["loc"]) or "arguments"
        words = _WORDS.get(fault["type"], fault["msg"]).format(**fault.get("ctx", {}))
        parts.append(f"{clean_line(place, 80)}: {clean_line(words, 160)}")
    return clean_line("; ".join(dict.fromkeys(parts)), ERROR_LIMIT) + ". Nothing was done."


def _compact(result: CallToolResult, scrub: Scrub) -> CallToolResult:
    kept = without_nulls(result.structured_content)
    text = json.dumps(kept, separators=(",", ":"), ensure_ascii=False)
    if scrub(text) != text:  # string by string: a mask inside an escape would break the JSON
        kept = _scrubbed(kept, scrub)
        text = json.dumps(kept, separators=(",", ":"), ensure_ascii=False)
    return result.model_copy(
        update={
            "structured_content": kept,
            "content": [TextContent(type="text", text=text)],
        }
    )


def _scrubbed(value: Any, scrub: Scrub) -> Any:  # noqa: ANN401  JSON of any shape
    if isinstance(value, dict):
        return {scrub(name): _scrubbed(item, scrub) for name, item in value.items()}
    if isinstance(value, list):
        return [_scrubbed(item, scrub) for item in value]
    return scrub(value) if isinstance(value, str) else value


def without_nulls(value: Any) -> Any:  # noqa: ANN401  JSON of any shape
    """JSON without null fields, at every depth."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def lean(schema: dict[str, Any], *, output: bool = False) -> dict[str, Any]:
    """A schema without generated titles, `|null`, null defaults and `exclusiveMinimum`.

    An output's schema is for programs, so it goes without descriptions and defaults too, and
    requires no field that may be null: nulls are dropped from answers.
    """
    out: dict[str, Any] = {}
    fields: dict[str, Any] = schema.get("properties", {})
    for name, value in schema.items():
        if _is_noise(name, value, output=output):
            continue
        if name == "properties":
            out[name] = {
                field: lean(_without_null(inner), output=output) for field, inner in fields.items()
            }
        elif isinstance(value, dict):
            out[name] = lean(value, output=output)
        elif isinstance(value, list):
            out[name] = [
                lean(item, output=output) if isinstance(item, dict) else item for item in value
            ]
        elif name == "exclusiveMinimum":  # Gemini's subset has none; the server still refuses it
            out["minimum"] = value + 1 if schema.get("type") == "integer" else value
        else:
            out[name] = value
    if output and "required" in out:
        nullable = {field for field, inner in fields.items() if _is_nullable(inner)}
        out["required"] = [field for field in out["required"] if field not in nullable]
    return out


def _is_noise(name: str, value: object, *, output: bool) -> bool:
    if name == "title":
        return isinstance(value, str)
    if name == "default":
        return value is None or output
    return output and name == "description" and isinstance(value, str)


def _is_nullable(schema: dict[str, Any]) -> bool:
    return any(option.get("type") == "null" for option in schema.get("anyOf", ()))


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    if not _is_nullable(schema):
        return schema
    options = [option for option in schema["anyOf"] if option.get("type") != "null"]
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**options[0], **rest} if len(options) == 1 else {**rest, "anyOf": options}

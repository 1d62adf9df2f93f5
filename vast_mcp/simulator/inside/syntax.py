"""The part of the POSIX shell's grammar that machines understand, as a tree.

Simple commands with assignments and redirections, quotes, `$name`, `${name:-default}`, `$(…)`,
`|`, `&&`, `||`, `;`, `&`, `!`, `( … )`, `{ …; }`, `if`, `while`, `until`, `for`. No here-documents,
no arithmetic, no functions, no `case`: these are a syntax error, said as such.
"""

from vast_mcp.simulator.inside.tree import (
    Command,
    For,
    Group,
    If,
    Item,
    Loop,
    Part,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Word,
)

_BLANK = " \t"
_BREAKS = " \t\n;&|<>()"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")
_SPECIAL = "?!$#@*0123456789"
_ESCAPED = frozenset('$"\\`')
"""What a backslash escapes inside double quotes."""
_ENDS = frozenset({"then", "elif", "else", "fi", "do", "done", "}"})
_UNSUPPORTED = frozenset({"case", "function", "select"})


class ShellSyntax(Exception):
    """The text is no script this shell understands."""


def parse(text: str) -> Script:
    """The tree of a script.

    Raises:
        ShellSyntax: it is not understood.
    """
    parser = _Parser(text)
    script = parser.script(until=frozenset())
    if parser.at < len(text):
        raise ShellSyntax(f"unexpected '{text[parser.at]}'")
    return script


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    # -- lists -----------------------------------------------------------------------------

    def script(self, until: frozenset[str]) -> Script:
        items: Script = []
        while True:
            self._skip("\n; \t" if items else "\n \t")
            if self.at >= len(self.text) or self._peek() == ")" or self._word_ahead() in until:
                return items
            start = self.at
            item = self._item()
            item.text = self.text[start : self.at].strip()
            items.append(item)
            self._skip(_BLANK)
            if self._starts("&"):
                self.at += 1
                item.background = True
            elif not self._starts(";") and not self._starts("\n"):
                if self.at < len(self.text) and self._peek() != ")":
                    raise ShellSyntax(f"unexpected '{self._peek()}'")
                return items

    def _item(self) -> Item:
        item = Item(self._pipeline())
        while self._starts("&&") or self._starts("||"):
            operator = self.text[self.at : self.at + 2]
            self.at += 2
            self._skip("\n \t")
            item.rest.append((operator, self._pipeline()))
        return item

    def _pipeline(self) -> Pipeline:
        negated = False
        self._skip(_BLANK)
        while self._word_ahead() == "!":
            self.at += 1
            negated = not negated
            self._skip(_BLANK)
        commands = [self._command()]
        while self._starts("|") and not self._starts("||"):
            self.at += 1
            self._skip("\n \t")
            commands.append(self._command())
        return Pipeline(commands, negated)

    # -- commands --------------------------------------------------------------------------

    def _command(self) -> Command:
        self._skip(_BLANK)
        word = self._word_ahead()
        if word in _UNSUPPORTED:
            raise ShellSyntax(f"'{word}' is not supported by the simulator's shell")
        if word in _ENDS:
            raise ShellSyntax(f"unexpected '{word}'")
        if self._starts("("):
            self.at += 1
            return self._redirected(self._subshell())
        readers = {"{": self._braces, "if": self._if, "for": self._for}
        if word in readers:
            self.at += len(word)
            return self._redirected(readers[word]())
        if word in ("while", "until"):
            self.at += len(word)
            condition = self._block("do")
            return self._redirected(Loop(condition, self._block("done"), word == "until"))
        return self._simple()

    def _subshell(self) -> Command:
        body = self.script(until=frozenset())
        if not self._starts(")"):
            raise ShellSyntax("')' is missing")
        self.at += 1
        return Group(body, subshell=True)

    def _braces(self) -> Command:
        return Group(self._block("}"), subshell=False)

    def _block(self, *ends: str) -> Script:
        """A list up to one of these words, which is taken too."""
        body = self.script(until=frozenset(ends))
        word = self._word_ahead()
        if word not in ends or not body:
            raise ShellSyntax(f"'{ends[0]}' is missing")
        self.at += len(word)
        return body

    def _if(self) -> Command:
        branches: list[tuple[Script | None, Script]] = []
        while True:
            condition = self._block("then")
            body = self.script(until=frozenset({"elif", "else", "fi"}))
            branches.append((condition, body))
            word = self._word_ahead()
            self.at += len(word)
            if word == "else":
                branches.append((None, self._block("fi")))
            if word in ("else", "fi"):
                return If(branches)
            if word != "elif":
                raise ShellSyntax("'fi' is missing")

    def _for(self) -> Command:
        self._skip(_BLANK)
        name = self._name()
        self._skip("\n \t")
        words: list[Word] = [(Part("variable", "@", quoted=True),)]
        if self._word_ahead() == "in":
            self.at += 2
            words = []
            self._skip(_BLANK)
            while self.at < len(self.text) and self._peek() not in ";\n":
                words.append(self._word())
                self._skip(_BLANK)
        self._skip(";\n \t")
        if self._word_ahead() != "do":
            raise ShellSyntax("'do' is missing")
        self.at += 2
        return For(name, words, self._block("done"))

    def _redirected(self, command: Command) -> Command:
        self._skip(_BLANK)
        while (redirect := self._redirect()) is not None:
            command.redirects.append(redirect)
            self._skip(_BLANK)
        return command

    def _simple(self) -> Simple:
        command = Simple()
        while True:
            self._skip(_BLANK)
            redirect = self._redirect()
            if redirect is not None:
                command.redirects.append(redirect)
            elif self.at >= len(self.text) or self._peek() in "\n;&|()":
                break
            elif not command.words and (name := self._assigned()):
                ended = self.at >= len(self.text) or self._peek() in _BREAKS
                command.assignments.append((name, () if ended else self._word()))
            else:
                command.words.append(self._word())
        if not command.words and not command.assignments and not command.redirects:
            raise ShellSyntax("a command is missing")
        return command

    def _assigned(self) -> str:
        """The name before `=`, which is taken, or nothing."""
        end = self.at
        while end < len(self.text) and self.text[end] in _NAME:
            end += 1
        name = self.text[self.at : end]
        if not name or name[0].isdigit() or self.text[end : end + 1] != "=":
            return ""
        self.at = end + 1
        return name

    def _redirect(self) -> Redirect | None:
        digit = self._peek() if self._peek().isdigit() else ""
        operator = self.text[self.at + len(digit) :]
        how = next((x for x in (">>", ">&", ">|", "<<", "<", ">") if operator.startswith(x)), None)
        if how is None:
            return None
        if how == "<<":
            raise ShellSyntax("here-documents are not supported by the simulator's shell")
        self.at += len(digit) + len(how)
        self._skip(_BLANK)
        descriptor = int(digit) if digit else int(how != "<")
        return Redirect(descriptor, ">" if how == ">|" else how, self._word())

    # -- words -----------------------------------------------------------------------------

    def _word(self) -> Word:
        parts: list[Part] = []
        while self.at < len(self.text) and self._peek() not in _BREAKS:
            letter = self._peek()
            if letter == "'":
                end = self._find("'", self.at + 1)
                parts.append(Part("text", self.text[self.at + 1 : end], quoted=True))
                self.at = end + 1
            elif letter == '"':
                self.at += 1
                parts += self._double()
            elif letter == "\\":
                parts.append(Part("text", self.text[self.at + 1 : self.at + 2], quoted=True))
                self.at += 2
            elif letter in "$`":
                parts.append(self._dollar(quoted=False))
            else:
                parts.append(Part("text", letter, quoted=False))
                self.at += 1
        if not parts:
            raise ShellSyntax("a word is missing")
        return tuple(parts)

    def _double(self) -> list[Part]:
        parts = [Part("text", "", quoted=True)]
        while not self._starts('"'):
            if self.at >= len(self.text):
                raise ShellSyntax("a quote is not closed")
            if self._peek() in "$`":
                parts.append(self._dollar(quoted=True))
                continue
            if self._peek() == "\\" and self.text[self.at + 1 : self.at + 2] in _ESCAPED:
                self.at += 1
            parts.append(Part("text", self._peek(), quoted=True))
            self.at += 1
        self.at += 1
        return parts

    def _dollar(self, *, quoted: bool) -> Part:
        if self._peek() == "`":
            end = self._find("`", self.at + 1)
            inner, self.at = self.text[self.at + 1 : end], end + 1
            return Part("output", inner, quoted)
        if self._starts("$(("):
            raise ShellSyntax("arithmetic is not supported by the simulator's shell")
        if self._starts("$("):
            inner_parser = _Parser(self.text)
            inner_parser.at = start = self.at + 2
            inner_parser.script(until=frozenset())
            self.at = self._find(")", inner_parser.at) + 1
            return Part("output", self.text[start : self.at - 1], quoted)
        if self._starts("${"):
            end = self._find("}", self.at)
            name, found, default = self.text[self.at + 2 : end].partition(":-")
            self.at = end + 1
            if not all(x in _NAME or x in _SPECIAL for x in name) or not name:
                raise ShellSyntax(f"${{{name}}} is not supported by the simulator's shell")
            return Part("variable", name, quoted, default if found else None)
        self.at += 1
        if self._peek() and self._peek() in _SPECIAL:
            self.at += 1
            return Part("variable", self.text[self.at - 1], quoted)
        name = self._name(required=False)
        return Part("variable", name, quoted) if name else Part("text", "$", quoted=True)

    # -- letters ---------------------------------------------------------------------------

    def _name(self, *, required: bool = True) -> str:
        start = self.at
        while self.at < len(self.text) and self._peek() in _NAME:
            self.at += 1
        if required and start == self.at:
            raise ShellSyntax("a name is missing")
        return self.text[start : self.at]

    def _find(self, letter: str, start: int) -> int:
        end = self.text.find(letter, start)
        if end < 0:
            raise ShellSyntax(f"{letter} is missing")
        return end

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _starts(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def _word_ahead(self) -> str:
        """The plain letters ahead, to recognise a reserved word."""
        end = self.at
        while end < len(self.text) and self.text[end] not in _BREAKS:
            end += 1
        return self.text[self.at : end]

    def _skip(self, letters: str) -> None:
        while self.at < len(self.text):
            if self.text[self.at] in letters:
                self.at += 1
            elif self._starts("\\\n"):
                self.at += 2
            elif self._starts("#") and (self.at == 0 or self.text[self.at - 1] in _BREAKS):
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return

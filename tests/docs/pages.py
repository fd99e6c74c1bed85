"""Pages of Markdown as their blocks of code, and what comments before them order.

In the source of a page, right before a block, may stand:

* `<!-- not run: reason -->`: it needs what is not here; it is only read
* `<!-- shorter: load --streams 4 -->`: appended to the block's commands of that name
* `<!-- given: caller.wav -->`: files that the reader has: recordings, captures
* `<!-- before: mpc-bridge serve -->`: a command that they have typed before

and anywhere, once, `<!-- nothing here is run: reason -->`.
"""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["ROOT", "Block", "Page", "all_pages", "without_comment"]

ROOT = Path(__file__).parents[2]

ORDER = re.compile(r"<!--\s*(not run|shorter|given|before):\s*(.*?)\s*-->", re.DOTALL)
NOTHING = re.compile(r"<!--\s*nothing here is run:\s*(.*?)\s*-->", re.DOTALL)
NAMED = re.compile(r"# (?P<name>[\w./-]+\.\w+)(?P<more>, too)?\s*(?:#.*)?$")
COMMENT = re.compile(r"(?:^|\s)#\s.*$")
SHELLS = ("sh", "bash", "shell", "console")
FIRST_WORDS = re.compile(
    r"(\$|mpc-bridge|make|pip|python3?|curl|taskset|eval|export|cd|git|npm|openssl|"
    r"docker|kubectl|helm|redis-\w+|systemctl|sudo|apt-get|uvicorn|[\w./-]+\.sh)\s"
    r"|[A-Z_]+=\S* \w"
)
"""What an indented block begins with, if it is one of commands."""


@dataclasses.dataclass(frozen=True)
class Block:
    """One block of code."""

    page: str
    line: int
    language: str
    text: str
    orders: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"

    def order(self, kind: str) -> str | None:
        """What a comment before it orders."""
        return next((text for name, text in self.orders if name == kind), None)

    @property
    def is_shell(self) -> bool:
        """Whether it holds commands."""
        if self.language:
            return self.language in SHELLS
        return FIRST_WORDS.match(self.text) is not None

    @property
    def file_name(self) -> str | None:
        """The file it is, if its first line says so: `# my_bots.py`."""
        found = NAMED.match(self.text.partition("\n")[0])
        return found["name"] if found and not self.is_shell else None

    @property
    def is_continued(self) -> bool:
        """Whether it is added to a file: `# my_bots.py, too`."""
        found = NAMED.match(self.text.partition("\n")[0])
        return found is not None and found["more"] is not None

    def commands(self) -> list[str]:
        """The commands, each as one line, without prompts, comments and outputs."""
        lines = self.text.replace("\\\n", " ").splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        commands = [line for each in lines if (line := without_comment(each).strip())]
        name, _, more = (self.order("shorter") or "").partition(" ")
        return [
            _with(command, more) if name and f" {name} " in f"{command} " else command
            for command in commands
        ]


def _with(command: str, more: str) -> str:
    """Append words, but before `&`."""
    end = " &" if command.endswith(" &") else ""
    return f"{command.removesuffix(end)} {more}{end}"


def without_comment(line: str) -> str:
    """A shell's line as far as it is run; `1#` is a word."""
    return COMMENT.sub("", line)


@dataclasses.dataclass(frozen=True)
class Page:
    """A page."""

    name: str
    text: str

    @property
    def not_run(self) -> str | None:
        """Why nothing of it is run."""
        found = NOTHING.search(self.text)
        return found[1] if found else None

    def reason(self, block: Block) -> str | None:
        """Why a block is not run."""
        return block.order("not run") or self.not_run

    def blocks(self) -> Iterator[Block]:
        """Its blocks, in order."""
        orders: list[tuple[str, str]] = []
        for token in _tokens(self.text):
            if token.type in ("fence", "code_block"):
                language = token.info.partition(" ")[0]
                line = (token.map or [0])[0] + 1
                yield Block(self.name, line, language, token.content, tuple(orders))
            found = ORDER.findall(token.content) if token.type == "html_block" else []
            orders = [*orders, *found] if found else []

    def inline_code(self) -> Iterator[str]:
        """What stands in single backticks."""
        for token in _tokens(self.text):
            for child in token.children or ():
                if child.type == "code_inline":
                    yield child.content

    def links(self) -> Iterator[str]:
        """Where it links to; what it shows."""
        for token in _tokens(self.text):
            for child in token.children or ():
                target = child.attrGet("href") or child.attrGet("src")
                if isinstance(target, str):
                    yield target


def _tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def all_pages() -> list[Page]:
    """The README and the documentation."""
    docs = sorted((ROOT / "docs").rglob("*.md"))
    paths = [ROOT / "README.md", *(path for path in docs if "_build" not in path.parts)]
    return [Page(str(path.relative_to(ROOT)), path.read_text()) for path in paths]

"""Reads a Dockerfile: as much of the format as ours uses, and says so of the rest."""

import dataclasses
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["Instruction", "Stage", "read"]

KNOWN = frozenset(
    [
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "RUN",
        "STOPSIGNAL",
        "USER",
        "WORKDIR",
    ]
)

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclasses.dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its lines joined."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its arguments, those in JSON too."""
        if self.text.startswith("["):
            return [str(each) for each in json.loads(self.text)]
        return shlex.split(self.text)


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    instructions: list[Instruction] = dataclasses.field(default_factory=list)

    def last(self, name: str) -> Instruction:
        """The instruction that counts of those that replace each other.

        Raises:
            LookupError: If there is none.
        """
        for each in reversed(self.instructions):
            if each.name == name:
                return each
        raise LookupError(f"no {name}")

    def environment(self, start: Mapping[str, str]) -> dict[str, str]:
        """What ENV leaves behind.

        Args:
            start: What the base has.
        """
        there = dict(start)
        for each in self.instructions:
            if each.name == "ENV":
                for word in each.words:
                    name, _, value = word.partition("=")
                    there[name] = filled(value, there)
        return there

    def health_command(self) -> list[str]:
        """What HEALTHCHECK runs."""
        _options, _, command = self.last("HEALTHCHECK").text.partition("CMD ")
        return Instruction("CMD", command.strip()).words


def filled(text: str, variables: Mapping[str, str]) -> str:
    """Put variables in; an unknown one is empty, as there."""
    return VARIABLE.sub(
        lambda found: variables.get(found[1] or found[2], ""),
        text,
    )


def read(path: Path) -> tuple[dict[str, str], list[Stage]]:
    """Read a Dockerfile.

    Returns:
        The defaults of the arguments before the first FROM, and the stages.

    Raises:
        ValueError: If it has an instruction that is not among those known here.
    """
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for each in _instructions(path.read_text()):
        if each.name not in KNOWN:
            raise ValueError(f"{path}: {each.name}, allowed are {sorted(KNOWN)}")
        if each.name == "FROM":
            base, *alias = each.words
            stages.append(Stage(filled(base, arguments), alias[-1] if alias else ""))
        elif stages:
            stages[-1].instructions.append(each)
        else:
            name, _, default = each.text.partition("=")
            arguments[name] = default.strip('"')
    return arguments, stages


def _instructions(text: str) -> Iterator[Instruction]:
    joined = ""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        joined += line.strip()
        if joined.endswith("\\"):
            joined = joined[:-1].rstrip() + " "
            continue
        name, _, rest = joined.partition(" ")
        yield Instruction(name.upper(), rest.strip())
        joined = ""

"""`round_trip_p99_ms > 60`: what a run must not show."""

import dataclasses
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

__all__ = ["Threshold"]

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}

NUMBER = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?"

FORM = re.compile(rf"\s*([a-z][a-z0-9_]*)\s*(>=|<=|==|!=|>|<)\s*({NUMBER})\s*")


@dataclasses.dataclass(frozen=True, slots=True)
class Threshold:
    """A figure, a comparison and a number: the run fails if it is so."""

    figure: str
    comparison: str
    number: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `figure > number`.

        Raises:
            ValueError: If it has another form.
        """
        form = FORM.fullmatch(text)
        if form is None:
            allowed = " ".join(COMPARISONS)
            raise ValueError(
                f"{text!r} is not of the form 'figure > number' with one of {allowed}"
            )
        return cls(form[1], form[2], float(form[3]))

    def is_met_by(self, value: float) -> bool:
        """Whether a value is what must not be."""
        return COMPARISONS[self.comparison](value, self.number)

    def __str__(self) -> str:
        return f"{self.figure} {self.comparison} {self.number:.12g}"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """In documents it is its text."""
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls.parse(str(value)),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

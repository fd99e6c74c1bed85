"""What callers say of numbers, dates, times, names, and yes or no: as values.

Numbers in words become digits with text2num (MIT); what is above that is here. All
return text that a tool's typed argument can be made of, or None.
"""

import datetime
import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from bridge.errors import ConfigError
from bridge.speech.models import EXTRA

__all__ = ["KINDS", "Reader", "plain", "spoken_value"]

Reader: TypeAlias = Callable[[str, datetime.date], str | None]
"""Finds a value in what was said on a day."""

DAYS = ("monday tuesday wednesday thursday friday saturday sunday").split()  # noqa: SIM905
MONTHS = (  # noqa: SIM905 - a table of words reads best as words
    "january february march april may june july august september october november "
    "december"
).split()

NO = re.compile(r"\b(?:no|nope|nah|not|wrong|incorrect|never|cancel|neither|\w+n't)\b")
YES = re.compile(
    r"\b(?:yes|yeah|yea|yep|yup|sure|okay|ok|correct|right|exactly|definitely"
    r"|absolutely|fine|perfect|indeed|great|alright|please do|of course|sounds good"
    r"|that works|go ahead|you bet|u+h hu+h|m+ hm+)\b|^please$"
)
UNSURE = re.compile(r"\b(?:but|change|make (?:it|that)|instead|actually|except|wait)\b")
FINE = re.compile(r"\bno (?:problem|worries)\b")

APOSTROPHE = "\u2019"

POLITE = re.compile(
    r"^(?:(?:um+|uh+|er+|well|so|hi|hello|hey|yes|yeah|sure|okay|ok|and|please|thanks?"
    r"|thank you|of course|oh)\b[\s,.!]*)+",
    re.IGNORECASE,
)
NAMED = re.compile(
    r"\b(?:(?:my |the )?(?:(?:first|last|full) )?name(?:'s| is| would be| of)?|this is"
    r"|i am|i'm|it's|it is|that's|call me|under|for)\s+",
    re.IGNORECASE,
)
AFTER_NAME = re.compile(
    r"\s+(?:speaking|please|here|thanks?|thank you)$", re.IGNORECASE
)
NO_NAME = re.compile(
    r"(?:no|nope|yes|yeah|wh\w+|how|can|could|do|does|is|are|i|you|we|nothing|nobody)\b",
    re.IGNORECASE,
)

COUNTED = (
    r"(?!\d|\s*(?:people|persons?|guests?|of us|st\b|nd\b|rd\b|th\b|days?|weeks?))"
)
HALF = r"\s*(?P<half>[ap])\.?\s?m\b"
CLOCK = (
    rf"\b(?P<hour>\d{{1,2}})(?:[:. ](?P<minute>[0-5]\d))?(?:{HALF}|\s*o'?clock)",
    r"\b(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)",
    rf"\b(?:at|around|by|about) (?P<hour>\d{{1,2}})(?: (?P<minute>[0-5]\d))?{COUNTED}",
    rf"(?<![\d/])\b(?P<hour>\d{{1,2}})(?: (?P<minute>[0-5]\d))?{COUNTED}(?!/)",
)
"""How times are told, the surest first."""


def plain(text: str) -> str:
    """Lower case, numbers as digits, and no punctuation but within numbers."""
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.lower().replace(APOSTROPHE, "'"))
    text = re.sub(r"\b(to|good)-(morrow|day|night|bye?)\b", r"\1\2", text)
    text = re.sub(r"(?<=\d)-(?=\d)", " ", text)
    text = _digits(re.sub(r"[^\w\s':.$/-]|(?<!\d)[.:]|[.:](?!\d)", " ", text))
    return " ".join(text.split())


def _digits(text: str) -> str:
    try:
        numbers = importlib.import_module("text_to_num")
    except ImportError as error:
        raise ConfigError(f"no text2num is installed: {EXTRA}") from error
    result: str = numbers.alpha2digit(text.replace("-", " "), "en", threshold=0)
    return result


def yes_no(text: str, _today: datetime.date) -> str | None:
    """`yes` or `no`; a no anywhere counts, a yes with a `but` is neither."""
    said = plain(text)
    if FINE.search(said):
        return "yes"
    if NO.search(said):
        return "no"
    if UNSURE.search(said):
        return None
    return "yes" if YES.search(said) else None


def number(text: str, _today: datetime.date) -> str | None:
    """A number, as digits."""
    said = plain(text)
    said = re.sub(r"\bhalf a dozen\b", "6", said)
    said = re.sub(r"\ba dozen\b", "12", said)
    said = re.sub(r"\b(\d+) dozen\b", lambda m: str(12 * int(m[1])), said)
    found = re.search(r"(?<![\w.:])-?\d+(?:\.\d+)?(?![\w:])", said)
    if found:
        return found.group()
    words = {
        "a couple": "2",
        "the two of us": "2",
        "both": "2",
        "one": "1",
        "just me": "1",
        "only me": "1",
        "myself": "1",
        "none": "0",
        "zero": "0",
    }
    return next((v for w, v in words.items() if re.search(rf"\b{w}\b", said)), None)


def digits(text: str, _today: datetime.date) -> str | None:
    """A code or phone number, said digit by digit or in groups; `double five`, `oh`."""
    text = re.sub(r"^\s*oh\s*[,.!]", "", text, flags=re.IGNORECASE)
    said = re.sub(r"\b(?:oh|o)\b", "0", plain(text))
    said = re.sub(r"\b(double|triple) (\d)", _repeated, said)
    runs = re.findall(r"\d[\d\s.-]*", said)
    found = max((re.sub(r"\D", "", run) for run in runs), key=len, default="")
    return found or None


def _repeated(found: "re.Match[str]") -> str:
    return found.group(2) * {"double": 2, "triple": 3}[found.group(1)]


def date(text: str, today: datetime.date) -> str | None:
    """A day from today on, as 2027-05-03."""
    found = re.search(r"\b(\d{4})-(\d{2})-(\d{2})\b", text)
    if found:
        return _day(int(found[1]), int(found[2]), int(found[3]))
    # `not tomorrow, on Friday`
    said = re.sub(r"\bnot (?:on |today|tonight|tomorrow|\w+day)\b", "", plain(text))
    return (
        _month_and_day(said, today)
        or _weekday(said, today)
        or _from_today(said, today)
        or _day_of_month(said, today)
    )


def _from_today(said: str, today: datetime.date) -> str | None:
    days = None
    relative = {"day after tomorrow": 2, "tomorrow": 1, "today": 0, "tonight": 0}
    for word, ahead in relative.items():
        if re.search(rf"\b{word}\b", said):
            days = ahead
            break
    found = re.search(r"\bin (?:(\d+)|an?|one) (day|week)s?\b", said)
    if found:
        days = int(found[1] or 1) * (7 if found[2] == "week" else 1)
    elif re.search(r"\ba? ?week from\b", said):
        days = 7 + (days or 0)
    return None if days is None else (today + datetime.timedelta(days)).isoformat()


def _month_and_day(said: str, today: datetime.date) -> str | None:
    months = "|".join(f"{month[:3]}(?:{month[3:]}|t)?" for month in MONTHS)
    for pattern in (
        rf"\b(?P<month>{months})\.? (?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b",
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<month>{months})\b",
        r"\b(?P<number>\d{1,2})/(?P<day>\d{1,2})\b",
    ):
        found = re.search(pattern, said)
        if found:
            parts = found.groupdict()
            month = int(parts.get("number") or 0) or 1 + next(
                place
                for place, name in enumerate(MONTHS)
                if name.startswith(parts["month"][:3])
            )
            year = re.search(r"\b20\d\d\b", said[found.end() :])
            day = _day(int(year[0]) if year else today.year, month, int(parts["day"]))
            if day and not year and day < today.isoformat():
                return _day(today.year + 1, month, int(parts["day"]))
            return day
    return None


def _weekday(said: str, today: datetime.date) -> str | None:
    for place, name in enumerate(DAYS):
        if not re.search(rf"\b{name[:3]}(?:{name[3:]}s?|rs|s)?\b", said):
            continue
        ahead = (place - today.weekday()) % 7
        if f"next {name}" in said and ahead == 0:
            ahead = 7
        if re.search(r"\bweek from\b", said):
            ahead += 7
        elif "next week" in said:
            ahead = 7 - today.weekday() + place
        return (today + datetime.timedelta(ahead)).isoformat()
    return None


def _day_of_month(said: str, today: datetime.date) -> str | None:
    """`the 3rd`: this month's, or the next one's that has it."""
    found = re.search(r"\b(\d{1,2})(?:st|nd|rd|th)\b", said)
    if not found or any(re.search(rf"\b{month}\b", said) for month in MONTHS):
        return None
    for months in range(3):
        years, month = divmod(today.month - 1 + months, 12)
        day = _day(today.year + years, month + 1, int(found[1]))
        if day and day >= today.isoformat():
            return day
    return None


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return datetime.date(year, month, day).isoformat()
    except ValueError:
        return None


def time(text: str, _today: datetime.date) -> str | None:
    """A time of day, as 18:30; from one to seven without more is the afternoon."""
    said = plain(text)
    said = re.sub(r"\bhalf (?:past|after) (\d{1,2})", r"\1:30", said)
    said = re.sub(r"\b(?:a )?quarter (?:past|after) (\d{1,2})", r"\1:15", said)
    said = re.sub(r"\b(?:a )?quarter (?:to|of) (\d{1,2})", _before(15), said)
    said = re.sub(
        r"\b(5|10|20|25) (?:past|after) (\d{1,2})", lambda m: f"{m[2]}:{m[1]:0>2}", said
    )
    for minutes in (5, 10, 20, 25):
        said = re.sub(rf"\b{minutes} to (\d{{1,2}})", _before(minutes), said)
    said = re.sub(r"\b(\d{1,2}) (?:oh|o) (\d)\b", r"\1:0\2", said)
    for pattern in CLOCK:
        for found in re.finditer(pattern, said):
            if int(found["hour"]) < 24:
                return _clock(found, said)
        if pattern is CLOCK[1]:
            for word, value in (("noon|midday", "12:00"), ("midnight", "00:00")):
                if re.search(rf"\b(?:{word})\b", said):
                    return value
    return None


def _before(minutes: int) -> Callable[["re.Match[str]"], str]:
    return lambda found: f"{(int(found[1]) - 1) % 12 or 12}:{60 - minutes}"


def _clock(found: "re.Match[str]", said: str) -> str:
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    half = found.groupdict().get("half")
    is_early = half == "a" or (not half and "morning" in said)
    is_late = half == "p" or (
        not half and re.search(r"evening|afternoon|night", said) is not None
    )
    if hour < 12 and (is_late or (not is_early and 1 <= hour <= 7)):
        hour += 12
    if hour == 12 and is_early:
        hour = 0
    return f"{hour:02}:{minute:02}"


def name(text: str, _today: datetime.date) -> str | None:
    """Somebody's name: what follows `my name is`, or all of a short answer."""
    said = POLITE.sub("", text.strip().replace(APOSTROPHE, "'"))
    named = NAMED.search(said)
    while named:
        said = said[named.end() :]
        named = NAMED.match(said)
    # The dot of an initial ends nothing.
    said = re.split(r"(?<!\b\w)\.|[,;!?]|\band\b", said)[0].strip()
    said = AFTER_NAME.sub("", said)
    words = re.findall(r"[^\W\d_]+(?:['-][^\W\d_]+)*", said)
    if not words or len(words) > 4 or NO_NAME.match(words[0]):
        return None
    return " ".join(word[0].upper() + word[1:] for word in words)


def anything(text: str, _today: datetime.date) -> str | None:
    """All that was said."""
    return text.strip() or None


KINDS: Mapping[str, Reader] = {
    "number": number,
    "digits": digits,
    "date": date,
    "time": time,
    "yes_no": yes_no,
    "name": name,
    "text": anything,
}


def spoken_value(kind: str, value: str) -> str:
    """A value as it is said back: `Monday, May 3`, `6:30 PM`, `4 7 1 1`."""
    if kind == "date":
        day = datetime.date.fromisoformat(value)
        month = MONTHS[day.month - 1].capitalize()
        return f"{DAYS[day.weekday()].capitalize()}, {month} {day.day}"
    if kind == "time":
        hour, minute = map(int, value.split(":"))
        minutes = f":{minute:02}" if minute else ""
        return f"{hour % 12 or 12}{minutes} {'PM' if hour >= 12 else 'AM'}"
    if kind == "digits":
        return " ".join(value)
    return value


def choice(options: Mapping[str, list[str]]) -> Reader:
    """One of some words, each known by others, too."""

    def read(text: str, _today: datetime.date) -> str | None:
        said = f" {plain(text)} "
        for value, words in options.items():
            if any(f" {plain(word)} " in said for word in [value, *words]):
                return value
        return None

    return read


def reader(kind: str, options: Any) -> Reader:
    """What reads a slot of a kind."""
    return choice(options) if kind == "choice" else KINDS[kind]

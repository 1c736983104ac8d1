"""Reading values of a DICOM header. Type and range are checked, and messages quote nothing but geometry."""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pydicom.config
from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

# Characters of a decimal string and of a list of them. Any other text in a geometry tag is not quoted in a message,
# because it could be a patient's name that was written to the wrong field.
_quotable = re.compile(r"[0-9+\-.eE\s\\,\[\]()']{0,40}|[+-]?(nan|inf|infinity)", re.IGNORECASE)
# Value representations that hold numbers (PS3.5 6.2). A date has digits too, but it is no geometry, so it is left out.
_numeric = frozenset({"DS", "IS", "FL", "FD", "SS", "US", "SL", "UL", "SV", "UV"})


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Suppress pydicom's warnings and log lines, because they quote values of the header.

    Use it as a decorator: pydicom parses lazily, so any access to a data set in the function may cause a warning.
    """
    log = logging.getLogger("pydicom")
    level, mode = log.level, pydicom.config.settings.reading_validation_mode
    try:
        log.setLevel(logging.CRITICAL + 1)
        pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
        pydicom.config.settings.reading_validation_mode = mode


def tag_number(keyword: str) -> str:
    """The number of a tag: ``(0018,1110)`` of ``DistanceSourceToDetector``."""
    tag = tag_for_keyword(keyword)
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def tag_label(keyword: str) -> str:
    """A tag for a message: ``Distance Source to Detector (0018,1110)`` of ``DistanceSourceToDetector``."""
    return f"{dictionary_description(tag_for_keyword(keyword))} {tag_number(keyword)}"


def show_number(value: float) -> str:
    """A number as text for a message, rounded to 10 significant digits."""
    return f"{value:.10g}"


def show_numbers(values: Sequence[float]) -> str:
    r"""Numbers for a message as DICOM writes them, ``0.3\0.3``."""
    return "\\".join(show_number(value) for value in values)


class Unusable(Exception):  # noqa: N818 - it is caught where the message is made
    """A value is present but unusable. The text describes it, so that it can follow "is" in a sentence."""


def _describe(value: object) -> str:
    """A description of an unusable value. The value is quoted only if it consists of characters of numbers."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes, not a number"
    if isinstance(value, str) or not isinstance(value, Sequence):
        text = str(value)
        return (text or "empty") if _quotable.fullmatch(text) else f"text of {len(text)} characters, not a number"
    return show_items(value)


def show_items(values: Sequence[object]) -> str:
    """Several values as DICOM writes them. A value is quoted only if it consists of characters of numbers."""
    return "\\".join(_describe(value) for value in values)


def _find_element(scopes: Sequence[Dataset], keyword: str) -> DataElement | None:
    """The element of a tag in the first data set that has a value for it; None if none has."""
    tag = tag_for_keyword(keyword)
    for scope in scopes:
        if tag not in scope:
            continue
        try:
            element = scope[tag]
            value = element.value
        except Exception:  # pydicom raises many kinds of errors, which quote the value
            raise Unusable("damaged: its content does not fit its type") from None
        if value is None or (isinstance(value, (str, bytes, Sequence)) and len(value) == 0):
            continue
        return element
    return None


def find_value(scopes: Sequence[Dataset], keyword: str) -> object | None:
    """The value of a tag in the first data set that has one; None where the tag is absent or empty everywhere.

    Raises
    ------
    Unusable
        The content does not fit its type.
    """
    element = _find_element(scopes, keyword)
    return None if element is None else element.value


def find_numbers(scopes: Sequence[Dataset], keyword: str, count: int | None = 1) -> tuple[float, ...] | None:
    """The numbers of a tag, which have to be finite; None where the tag is absent or empty.

    Parameters
    ----------
    scopes
        Data sets in which to look. The first one that has a value for the tag is used.
    count
        How many numbers there have to be. None allows any number of them.

    Raises
    ------
    Unusable
        The values are not stored as numbers, are not finite, or are not as many as ``count``.
    """
    element = _find_element(scopes, keyword)
    if element is None:
        return None
    if element.VR not in _numeric:
        raise Unusable(f"stored as {element.VR}, which is not a type for numbers")
    value = element.value
    items = list(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else [value]
    if count is not None and len(items) != count:
        raise Unusable(f"{_describe(value)}: {len(items)} value{'s' * (len(items) != 1)} where {count} are needed")
    try:
        numbers = tuple(math.nan if isinstance(item, bytes) else float(item) for item in items)
    except (TypeError, ValueError, ArithmeticError):
        raise Unusable(_describe(value)) from None
    if not all(math.isfinite(number) for number in numbers):
        raise Unusable(_describe(value))
    return numbers


def find_text(scopes: Sequence[Dataset], keyword: str) -> str:
    """A code string in capitals; "" where the tag is absent, empty or not text. Compare it, but never quote it."""
    try:
        value = find_value(scopes, keyword)
    except Unusable:
        return ""
    return value.strip().upper() if isinstance(value, str) else ""


def find_items(scopes: Sequence[Dataset], keyword: str) -> list[Dataset]:
    """The items of a sequence; an empty list where the tag is absent, empty or no sequence."""
    try:
        value = find_value(scopes, keyword)
    except Unusable:
        return []
    items = list(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else []
    return items if all(isinstance(item, Dataset) for item in items) else []


def nearly_equal(one: Sequence[float], other: Sequence[float], relative: float) -> bool:
    """Whether each number agrees with the number at the same place, up to a relative difference."""
    return all(math.isclose(a, b, rel_tol=relative, abs_tol=1e-9) for a, b in zip(one, other, strict=True))


@dataclass
class Header:
    """The header of one frame, with the problems that were found and the assumptions that were made.

    Attributes
    ----------
    scopes
        Data sets in which to look for a tag: the functional groups of the frame, if there are any, then the file's top
        level.
    problems
        Sentences for the error message.
    notes
        Sentences for ``XRay.notes``.
    """

    scopes: list[Dataset]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def mentions(self, keyword: str) -> bool:
        """Whether ``problems`` already has a sentence about this tag."""
        return any(tag_number(keyword) in problem for problem in self.problems)

    def text(self, keyword: str) -> str:
        """A code string in capitals; "" where the tag is absent. Compare it, but never quote it."""
        return find_text(self.scopes, keyword)

    def numbers(
        self, keyword: str, limits: tuple[float, float], unit: str, *, count: int = 1, mend: str = ""
    ) -> tuple[float, ...] | None:
        """The numbers of a tag within limits; None where it is absent. Unusable numbers add a problem and give None."""
        try:
            values = find_numbers(self.scopes, keyword, count)
        except Unusable as reason:
            self.problems.append(f"{tag_label(keyword)} is {reason}. {mend}".strip())
            return None
        low, high = limits
        if values is None or all(low <= value <= high for value in values):
            return values
        wanted = f"between {show_number(low)} and {show_number(high)} {unit}"
        self.problems.append(f"{tag_label(keyword)} is {show_numbers(values)}: not {wanted}. {mend}".strip())
        return None

    def numbers_or_note(self, keyword: str, limits: tuple[float, float], count: int = 1) -> tuple[float, ...] | None:
        """The numbers of a tag that other tags can replace. Unusable numbers add a note and give None."""
        try:
            values = find_numbers(self.scopes, keyword, count)
        except Unusable as reason:
            self.notes.append(f"{tag_label(keyword)} is {reason}; not used.")
            return None
        if values is not None and not all(limits[0] <= value <= limits[1] for value in values):
            self.notes.append(f"{tag_label(keyword)} is {show_numbers(values)}, which is not plausible; not used.")
            return None
        return values

    def take(
        self,
        name: str,
        argument: float | Sequence[float] | None,
        keyword: str,
        limits: tuple[float, float],
        unit: str,
        count: int = 1,
    ) -> tuple[float, ...] | None:
        """The argument if one is given, or else the numbers of the tag; None where they are missing or unusable.

        If an argument is given and the file does not have the same value, a note is added.
        """
        if argument is None:
            return self.numbers(keyword, limits, unit, count=count, mend=f"Pass {name}=… ({unit}).")
        values = self.check_argument(name, argument, limits, unit, count)
        if values is None:
            return None
        given = f"{name}={show_numbers(values)} {unit} was given and is used"
        try:
            found = find_numbers(self.scopes, keyword, count)
        except Unusable as reason:
            self.notes.append(f"{given}: {tag_label(keyword)} is {reason}.")
            return values
        if found is None:
            self.notes.append(f"{given}: the file has no {tag_label(keyword)}.")
        elif not nearly_equal(values, found, 1e-6):
            self.notes.append(f"{given}, against the file, whose {tag_label(keyword)} is {show_numbers(found)} {unit}.")
        return values

    def check_argument(
        self, name: str, argument: float | Sequence[float], limits: tuple[float, float], unit: str, count: int
    ) -> tuple[float, ...] | None:
        """Convert an argument to floats within limits. An unusable argument adds a problem and gives None."""
        low, high = limits
        wanted = f"{count} number{'s' * (count > 1)} between {show_number(low)} and {show_number(high)} {unit}"
        try:
            if isinstance(argument, (str, bytes)):
                raise TypeError
            items = list(argument) if hasattr(argument, "__len__") else [argument]
            values = tuple(float(item) for item in items)
        except (TypeError, ValueError, RuntimeError):
            self.problems.append(f"argument {name} is {argument!r}: pass {wanted}.")
            return None
        if len(values) == count and all(math.isfinite(v) and low <= v <= high for v in values):
            return values
        self.problems.append(f"argument {name} is {show_numbers(values)}: pass {wanted}.")
        return None

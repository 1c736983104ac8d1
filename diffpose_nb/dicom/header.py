"""Values of a DICOM header, read with suspicion: by type and range, and without quoting what is not geometry."""

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

# Characters of a decimal string and of a list of them; what else stands in a geometry tag is not quoted in a message,
# since it may have strayed there from a field that names a patient.
_quotable = re.compile(r"[0-9+\-.eE\s\\,\[\]()']{0,40}|[+-]?(nan|inf|infinity)", re.IGNORECASE)
# Value representations that hold numbers (PS3.5 6.2). A date has digits too, and is none of our business.
_numeric = frozenset({"DS", "IS", "FL", "FD", "SS", "US", "SL", "UL", "SV", "UV"})


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom's warnings and log lines, which quote values of the header, away from the reader.

    As a decorator: pydicom parses lazily, so that any access to a data set may speak.
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
    """A number for a message, without the noise of its last digits."""
    return f"{value:.10g}"


def show_numbers(values: Sequence[float]) -> str:
    r"""Numbers for a message as DICOM writes them, ``0.3\0.3``."""
    return "\\".join(show_number(value) for value in values)


class Unusable(Exception):  # noqa: N818 - caught where the sentence is made
    """A value is there and means nothing; the message says what it is, in words that follow "is"."""


def _describe(value: object) -> str:
    """What an unusable value is, quoted only where it is made of digits."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes, not a number"
    if isinstance(value, str) or not isinstance(value, Sequence):
        text = str(value)
        return (text or "empty") if _quotable.fullmatch(text) else f"text of {len(text)} characters, not a number"
    return show_items(value)


def show_items(values: Sequence[object]) -> str:
    """Several values as DICOM writes them, each quoted only where it is made of digits."""
    return "\\".join(_describe(value) for value in values)


def _find_element(scopes: Sequence[Dataset], keyword: str) -> DataElement | None:
    """The element of the first scope that has a value for it."""
    tag = tag_for_keyword(keyword)
    for scope in scopes:
        if tag not in scope:
            continue
        try:
            element = scope[tag]
            value = element.value
        except Exception:  # pydicom raises as many kinds as there are ways to be wrong, and quotes what it found
            raise Unusable("damaged: its content does not fit its type") from None
        if value is None or (isinstance(value, (str, bytes, Sequence)) and len(value) == 0):
            continue
        return element
    return None


def find_value(scopes: Sequence[Dataset], keyword: str) -> object | None:
    """The value of the first scope that has one; None where the tag is absent or empty everywhere.

    Raises
    ------
    Unusable
        The content does not fit its type.
    """
    element = _find_element(scopes, keyword)
    return None if element is None else element.value


def find_numbers(scopes: Sequence[Dataset], keyword: str, count: int | None = 1) -> tuple[float, ...] | None:
    """Finite numbers of a tag; None where it is absent or empty.

    Parameters
    ----------
    scopes
        Where to look; the first that has the tag wins.
    count
        How many there must be; None: any number.

    Raises
    ------
    Unusable
        Not stored as numbers, not finite, or not as many as due.
    """
    element = _find_element(scopes, keyword)
    if element is None:
        return None
    if element.VR not in _numeric:
        raise Unusable(f"stored as {element.VR}, which is not a type for numbers")
    value = element.value
    items = list(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else [value]
    if count is not None and len(items) != count:
        raise Unusable(f"{_describe(value)}: {len(items)} value{'s' * (len(items) != 1)} where {count} are due")
    try:
        numbers = tuple(math.nan if isinstance(item, bytes) else float(item) for item in items)
    except (TypeError, ValueError, ArithmeticError):
        raise Unusable(_describe(value)) from None
    if not all(math.isfinite(number) for number in numbers):
        raise Unusable(_describe(value))
    return numbers


def find_text(scopes: Sequence[Dataset], keyword: str) -> str:
    """A code string in capitals, "" where absent, empty or not text. For comparing, never for quoting."""
    try:
        value = find_value(scopes, keyword)
    except Unusable:
        return ""
    return value.strip().upper() if isinstance(value, str) else ""


def find_items(scopes: Sequence[Dataset], keyword: str) -> list[Dataset]:
    """The items of a sequence; none where it is absent, empty or no sequence."""
    try:
        value = find_value(scopes, keyword)
    except Unusable:
        return []
    items = list(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else []
    return items if all(isinstance(item, Dataset) for item in items) else []


def nearly_equal(one: Sequence[float], other: Sequence[float], relative: float) -> bool:
    """Whether numbers agree one by one."""
    return all(math.isclose(a, b, rel_tol=relative, abs_tol=1e-9) for a, b in zip(one, other, strict=True))


@dataclass
class Header:
    """One frame's header, and what was found wrong with it or assumed on the way.

    Attributes
    ----------
    scopes
        Where to look for a tag: the functional groups of the frame, if there are any, then the file's top level.
    problems, notes
        Sentences for the error and for ``XRay.notes``.
    """

    scopes: list[Dataset]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def mentions(self, keyword: str) -> bool:
        """Whether a problem with this tag is on the list already."""
        return any(tag_number(keyword) in problem for problem in self.problems)

    def text(self, keyword: str) -> str:
        """A code string in capitals; "" where absent. For comparing, never for quoting."""
        return find_text(self.scopes, keyword)

    def numbers(
        self, keyword: str, limits: tuple[float, float], unit: str, *, count: int = 1, mend: str = ""
    ) -> tuple[float, ...] | None:
        """Numbers of a tag within limits; None where absent, or, with a problem written down, unusable."""
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
        """Numbers of a tag that others can stand in for: unusable ones are noted, and left."""
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
        """The argument where one is given, noting what the file says; else the tag; None where it is missing or bad."""
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
        """An argument as floats, under the limits that hold for the file."""
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

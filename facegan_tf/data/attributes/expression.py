"""Expressions about attributes, such as `Smiling == 1 and not Eyeglasses == 1`.

    expression = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation = "not" negation | "(" expression ")" | "true" | comparison
    comparison = value ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value
               | value "in" "(" value { "," value } ")"
    value = a number, 'text', "text", or the name of an attribute; in `backticks`, it may have any characters

Nothing is executed: the text is read by this grammar alone.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from facegan_tf.common.errors import InputError, in_short

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])
    | '(?P<single>[^']*)' | "(?P<double>[^"]*)" | `(?P<quoted>[^`]+)`
    | (?P<word>\w[\w.\-]*)
    | (?P<sign>==|!=|<=|>=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
_MOST_TOKENS = 1000
_MOST_DEPTH = 50
_WORDS = ("and", "or", "not", "in", "true")
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


_END = _Token("end", "its end")


def fulfilled(expression: str, table: Mapping[str, np.ndarray], count: int) -> np.ndarray:
    """Whether an expression is true for each row of a table: bool [count].

    table: columns [count] of numbers, truth values or text. Missing numbers (NaN) and texts (None) satisfy
    no comparison but `!=`. Raises InputError, named `where`, for an expression that can't be read, or that
    doesn't fit the table.
    """
    return np.broadcast_to(_Reader(expression, table, count).read(), (count,)).astype(bool)


class _Reader:
    """Reads an expression from left to right, and evaluates it as it goes."""

    def __init__(self, expression: str, table: Mapping[str, np.ndarray], count: int) -> None:
        self._expression, self._table, self._count = expression, table, count
        self._tokens = self._split()
        self._place = self._depth = 0

    def read(self) -> np.ndarray:
        result = self._any()
        if self._next != _END:
            raise self._error(f"{in_short(self._next.text)} is not expected here")
        return result

    def _split(self) -> list[_Token]:
        tokens: list[_Token] = []
        place = 0
        text = self._expression.rstrip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if not match or len(tokens) == _MOST_TOKENS:
                raise self._error(f"can't be read at {in_short(text[place : place + 20].strip())}")
            kind = match.lastgroup or ""
            if kind == "word" and match[kind] in _WORDS:
                kind = "sign"
            tokens.append(_Token(kind, match[match.lastgroup or ""]))
            place = match.end()
        return tokens

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place] if self._place < len(self._tokens) else _END

    def _take(self, *signs: str) -> str | None:
        """The next token, if it is one of these signs."""
        if self._next.kind == "sign" and self._next.text in signs:
            self._place += 1
            return self._tokens[self._place - 1].text
        return None

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error(f"{sign} must come before {in_short(self._next.text)}")

    def _go_deeper(self) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise self._error("has too many brackets or nots inside each other")

    def _any(self) -> np.ndarray:
        self._go_deeper()
        result = self._all()
        while self._take("or"):
            result = result | self._all()
        self._depth -= 1
        return result

    def _all(self) -> np.ndarray:
        result = self._one()
        while self._take("and"):
            result = result & self._one()
        return result

    def _one(self) -> np.ndarray:
        if self._take("not"):
            self._go_deeper()
            result = ~self._one()
            self._depth -= 1
            return result
        if self._take("("):
            result = self._any()
            self._expect(")")
            return result
        if self._take("true"):
            return np.ones(self._count, bool)
        return self._comparison()

    def _comparison(self) -> np.ndarray:
        left = self._value()
        if self._take("in"):
            self._expect("(")
            result = self._compare("==", left, self._value())
            while self._take(","):
                result = result | self._compare("==", left, self._value())
            self._expect(")")
            return result
        sign = self._take(*_COMPARISONS)
        if not sign:
            signs = ", ".join(_COMPARISONS)
            raise self._error(f"one of {signs} or in must come before {in_short(self._next.text)}")
        return self._compare(sign, left, self._value())

    def _value(self) -> Any:
        token = self._next
        if token.kind in ("end", "sign"):
            raise self._error(f"a value must come before {in_short(token.text)}")
        self._place += 1
        if token.kind == "number":
            return float(token.text)
        if token.kind in ("single", "double"):
            return token.text
        if token.text not in self._table:
            has = in_short(", ".join(self._table), 300)
            raise self._error(f"there is no attribute {in_short(token.text)}; there are {has}")
        return self._table[token.text]

    def _compare(self, sign: str, left: Any, right: Any) -> np.ndarray:
        if _is_text(left) != _is_text(right):
            raise self._error(f"text and a number can't be compared with {sign}")
        if _is_text(left) and sign not in ("==", "!="):
            raise self._error(f"text can't be compared with {sign}, only with ==, != and in")
        with np.errstate(invalid="ignore"):
            return np.broadcast_to(np.asarray(_COMPARISONS[sign](left, right), bool), (self._count,))

    def _error(self, problem: str) -> InputError:
        return InputError("where", in_short(self._expression, 200), problem)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype.kind in "OUS")

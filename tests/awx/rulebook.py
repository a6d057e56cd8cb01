# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a rulebook with ansible-rulebook's own schema and parser, and tells which of the events on standard input fulfil its only rule.

The engine itself needs Java, so what the parser found is evaluated here: comparisons by ==, and "is regex".
"""

from __future__ import annotations

import json
import re
import sys
from functools import reduce
from pathlib import Path
from typing import Any

import yaml
from ansible_rulebook.condition_parser import parse_condition
from ansible_rulebook.condition_types import Identifier, OperatorExpression, SearchType, String
from ansible_rulebook.validators import Validate


def value_of(term: Any, event: Any) -> Any:
    """What a term is; None where the event has no such field."""
    if isinstance(term, String):
        return term.value
    if isinstance(term, Identifier):
        fields = term.value.split(".")[1:]
        return reduce(lambda found, field: found.get(field) if isinstance(found, dict) else None, fields, event)
    raise TypeError(term)


def holds(expression: Any, event: Any) -> bool:
    """Whether an event fulfils an expression."""
    if isinstance(expression, OperatorExpression) and expression.operator == "==":
        return value_of(expression.left, event) == value_of(expression.right, event)
    if isinstance(expression, OperatorExpression) and expression.operator == "is" and isinstance(expression.right, SearchType):
        found = value_of(expression.left, event)
        return isinstance(found, str) and re.search(expression.right.pattern.value, found) is not None
    raise TypeError(expression)


def main() -> None:
    """Print the action and, for each event, whether it fulfils all conditions."""
    rulebook = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Validate.rulebook(rulebook)
    ((rule,),) = [each["rules"] for each in rulebook]
    conditions = [parse_condition(text).value for text in rule["condition"]["all"]]
    events = json.load(sys.stdin)
    print(json.dumps({"action": rule["action"], "fulfilled": [all(holds(each, event) for each in conditions) for event in events]}))


if __name__ == "__main__":
    main()

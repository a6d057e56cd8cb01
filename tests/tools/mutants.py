# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes one file in many small ways, one at a time, and runs tests on each: a change that no test notices survives.

python3 mutants.py SOURCE REPORT TEST...: from the root of a copy of the collection that is nobody else's, in the environment "mutation".
REPORT becomes a JSON object: `mutants`, each with its `diff` and its `fate` (killed, explained, survived), and `idle`, the lines of SOURCE
that are marked although none of their mutants survives, each as [number, reason].

A line is marked by the comment `# equivalent: REASON` at its end, or on the line above. A mutant that survives is explained where all lines
that it changes are marked.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import importlib
import io
import json
import os
import pathlib
import re
import signal
import sys
import time
import tokenize
import typing as t

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators import (
    binary_operator_replacement,
    boolean_replacer,
    break_continue,
    comparison_operator_replacement,
    number_replacer,
    remove_decorator,
    unary_operator_replacement,
    zero_iteration_for_loop,
)
from cosmic_ray.operators.operator import Operator
from parso.python import tree

Position = tuple[int, int]
Span = tuple[Position, Position]

MARKER = re.compile(r"# equivalent: (\S.*)")

# Imported once and not anew for each mutant; nothing of the collection, whose modules would then be the unchanged ones.
COMMON_IMPORTS = ("pytest", "hypothesis.strategies", "requests", "segno", "pyotp", "yaml", "ansible.parsing.vault")
PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "--no-header", "--disable-warnings", "--hypothesis-profile=mutation")

# A mutant may loop for ever. One that is only slow on a busy machine must not be taken for that.
PATIENCE_SECONDS, PATIENCE_FACTOR = 5.0, 3.0
BASELINE_SECONDS = 600.0


def one_line(text: str) -> str:
    """Give a text with one space where it had any white space."""
    return " ".join(text.split())


class Own(Operator):
    """An operator that cosmic-ray does not have."""

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


class DropStatement(Own):
    """Replaces a call, a raise, a return before the end of a function, or a change of what there is by `pass`."""

    def mutation_positions(self, node: t.Any) -> t.Iterator[Span]:
        if node.type == "simple_stmt" and self._matters(node.children[0]):
            yield node.start_pos, node.children[0].end_pos

    def mutate(self, node: t.Any, index: int) -> t.Any:
        node.children[0] = tree.Name("pass", node.start_pos, prefix=node.get_first_leaf().prefix)
        return node

    @staticmethod
    def _matters(statement: t.Any) -> bool:
        if statement.type == "return_stmt":
            suite = statement.parent.parent
            return not (suite.parent.type == "funcdef" and suite.children[-1] is statement.parent)
        if statement.type == "expr_stmt":
            # A name that is never set is noticed at once.
            return statement.children[0].type != "name" or str(getattr(statement.children[1], "value", "=")) != "="
        return statement.type in ("raise_stmt", "atom_expr") or getattr(statement, "value", "") == "return"


class CatchLess(Own):
    """Replaces one of the exceptions that are caught by another that does not come, which cosmic-ray's own cannot where it has a dot."""

    def mutation_positions(self, node: t.Any) -> t.Iterator[Span]:
        if node.type == "except_clause":
            for caught in self._caught(node):
                yield caught.start_pos, caught.end_pos

    def mutate(self, node: t.Any, index: int) -> t.Any:
        caught = self._caught(node)[index]
        siblings = caught.parent.children
        siblings[siblings.index(caught)] = tree.Name("ZeroDivisionError", caught.start_pos, prefix=caught.get_first_leaf().prefix)
        return node

    @staticmethod
    def _caught(clause: t.Any) -> list[t.Any]:
        listed = clause.children[1]
        if listed.type == "atom":
            listed = listed.children[1]
        return listed.children[::2] if listed.type == "testlist_comp" else [listed]


class ChangeNumber(number_replacer.NumberReplacer):
    """Makes a number greater or smaller by one, and leaves the space before it as it is."""

    def mutate(self, node: t.Any, index: int) -> t.Any:
        changed = super().mutate(node, index)
        return tree.Number(changed.value.strip(), node.start_pos, prefix=node.prefix)


class SwapName(Own):
    """Replaces functions that are easily mistaken for each other."""

    _OTHER = {"min": "max", "max": "min", "any": "all", "all": "any"}

    def mutation_positions(self, node: t.Any) -> t.Iterator[Span]:
        if (
            node.type == "name"
            and node.value in self._OTHER
            and node.get_next_leaf().value == "("
            and node.get_previous_leaf().value != "."
        ):
            yield node.start_pos, node.end_pos

    def mutate(self, node: t.Any, index: int) -> t.Any:
        node.value = self._OTHER[node.value]
        return node


class SwapMembership(Own):
    """Replaces `in` by `not in` and the other way round."""

    _OTHER = {"in": "not in", "not in": "in"}

    def mutation_positions(self, node: t.Any) -> t.Iterator[Span]:
        for sign in self._signs(node):
            yield sign.start_pos, sign.end_pos

    def mutate(self, node: t.Any, index: int) -> t.Any:
        sign = self._signs(node)[index]
        node.children[node.children.index(sign)] = tree.Name(self._OTHER[one_line(sign.get_code())], sign.start_pos, prefix=" ")
        return node

    def _signs(self, node: t.Any) -> list[t.Any]:
        return [sign for sign in node.children[1::2] if one_line(sign.get_code()) in self._OTHER] if node.type == "comparison" else []


def _named(module: t.Any, prefix: str, *pairs: str) -> list[Operator]:
    return [getattr(module, f"{prefix}_{pair}")() for pair in pairs]


# Of what can stand for an operator the one or two that a person could have written by mistake.
OPERATORS: list[Operator] = [
    *_named(comparison_operator_replacement, "ReplaceComparisonOperator", "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
    *_named(comparison_operator_replacement, "ReplaceComparisonOperator", "Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt"),
    *_named(comparison_operator_replacement, "ReplaceComparisonOperator", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt"),
    *_named(binary_operator_replacement, "ReplaceBinaryOperator", "Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul"),
    *_named(binary_operator_replacement, "ReplaceBinaryOperator", "FloorDiv_Mul", "Mod_Div", "Pow_Mul", "BitAnd_BitOr", "BitOr_BitAnd"),
    *_named(unary_operator_replacement, "ReplaceUnaryOperator", "Delete_Not", "Delete_USub"),
    boolean_replacer.AddNot(),
    boolean_replacer.ReplaceTrueWithFalse(),
    boolean_replacer.ReplaceFalseWithTrue(),
    boolean_replacer.ReplaceAndWithOr(),
    boolean_replacer.ReplaceOrWithAnd(),
    break_continue.ReplaceBreakWithContinue(),
    break_continue.ReplaceContinueWithBreak(),
    remove_decorator.RemoveDecorator(),
    zero_iteration_for_loop.ZeroIterationForLoop(),
    CatchLess(),
    ChangeNumber(),
    DropStatement(),
    SwapMembership(),
    SwapName(),
]


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A changed source, and the numbers of the unchanged one's lines with code that differ."""

    source: str
    lines: tuple[int, ...]
    diff: str


def quiet_spans(source: str) -> list[Span]:
    """Give the places where a change changes nothing that happens: annotations, the arguments of decorators, `__repr__`."""
    spans = []
    for node in ast.walk(ast.parse(source)):
        quiet: list[ast.expr | ast.stmt | None] = []
        if isinstance(node, (ast.AnnAssign, ast.arg)):
            quiet.append(node.annotation)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            quiet += [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
        if isinstance(node, ast.FunctionDef):
            quiet += [node.returns, node if node.name == "__repr__" else None]
        spans += [((part.lineno, part.col_offset), (part.end_lineno or 0, part.end_col_offset or 0)) for part in quiet if part is not None]
    return spans


def mutants(source: str, path: str) -> list[Mutant]:
    """Give the mutants of a source, in its order, each once and only those that are Python."""
    quiet = quiet_spans(source)
    nodes = list(ast_nodes(get_ast(source)))
    found: dict[str, Mutant] = {}
    for operator in OPERATORS:
        places = [(node, *span) for node in nodes for span in operator.mutation_positions(node)]
        for occurrence, (node, start, end) in enumerate(places):
            # A star among parameters is no operator.
            if node.parent.type == "parameters" or any(first <= start and end <= last for first, last in quiet):
                continue
            mutated = mutate_code(source, operator, occurrence)
            if mutated is not None and mutated not in found and _is_another_program(source, mutated):
                found[mutated] = _described(source, mutated, path)
    return sorted(found.values(), key=lambda mutant: mutant.lines)


def _is_another_program(source: str, mutated: str) -> bool:
    try:
        return ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


def _described(source: str, mutated: str, path: str) -> Mutant:
    before, after = source.splitlines(), mutated.splitlines()
    diff = "\n".join(difflib.unified_diff(before, after, path, path, lineterm="", n=1))
    steps = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    changed = [number for tag, first, end, *_after in steps if tag != "equal" for number in range(first, end)]
    # A decorator is removed with the empty lines and comments before it.
    lines = tuple(number + 1 for number in changed if before[number].strip() and not before[number].lstrip().startswith("#"))
    return Mutant(mutated, lines, diff)


def markers(source: str) -> dict[int, str]:
    """Give the marked lines of a source, by number, and the reasons. A marker that stands alone marks the next line with code."""
    found: dict[int, str] = {}
    waiting: str | None = None
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        marker = MARKER.fullmatch(token.string) if token.type == tokenize.COMMENT else None
        if marker is not None and token.line[: token.start[1]].strip():
            found[token.start[0]] = marker[1]
        elif marker is not None:
            waiting = marker[1]
        elif waiting is not None and token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
            found.setdefault(token.start[0], waiting)
            waiting = None
    return found


def passes(tests: t.Sequence[str], seconds: float, output: int) -> bool:
    """Say whether tests pass, in a child that has imported nothing of the collection; one that takes longer than `seconds` does not."""
    child = os.fork()
    if child == 0:
        # Ends a mutant that loops for ever, also where nobody waits for it any more.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = 1
        try:
            code = int(importlib.import_module("pytest").main([*PYTEST, *tests]))
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def try_all(path: pathlib.Path, tests: t.Sequence[str]) -> dict[str, t.Any]:
    """Try all mutants of a file, which afterwards is as it was, and give the report."""
    source, times = path.read_text(encoding="utf-8"), path.stat()
    start = time.monotonic()
    if not passes(tests, BASELINE_SECONDS, sys.stdout.fileno()):
        sys.exit("the tests fail without any change")
    patience = PATIENCE_SECONDS + PATIENCE_FACTOR * (time.monotonic() - start)
    marked = markers(source)
    idle = dict(marked)
    found = []
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for mutant in mutants(source, str(path)):
            path.write_text(mutant.source, encoding="utf-8")
            # No compiled file is as old.
            os.utime(path, (1, 1))
            if not passes(tests, patience, nowhere):
                fate = "killed"
            elif all(line in marked for line in mutant.lines):
                fate = "explained"
                for line in mutant.lines:
                    idle.pop(line, None)
            else:
                fate = "survived"
            found.append({"diff": mutant.diff, "fate": fate})
    finally:
        path.write_text(source, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return {"mutants": found, "idle": sorted(idle.items())}


def main(source: str, report: str, *tests: str) -> None:
    """Try a file, and report."""
    for name in COMMON_IMPORTS:
        importlib.import_module(name)
    # The unchanged modules may be compiled once for all; what is compiled of a mutant would be taken for the next one.
    sys.dont_write_bytecode = False
    passes(tests, BASELINE_SECONDS, sys.stdout.fileno())
    sys.dont_write_bytecode = True
    pathlib.Path(report).write_text(json.dumps(try_all(pathlib.Path(source), tests), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

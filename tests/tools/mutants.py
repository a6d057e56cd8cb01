# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes one file in many small ways, one at a time, and runs tests on each: a change that no test notices survives.

python3 mutants.py SOURCE EXPLANATIONS REPORT TEST...: from the root of a copy of the collection that is nobody else's, in the environment
"mutation". EXPLANATIONS is a file such as tests/mutation/equivalent.toml. REPORT becomes a JSON object: `mutants`, each with its `change`
(the function, the lines as they are and as they become), its `diff` and its `fate` (killed, explained, survived), and `idle`, the explained
changes that no mutant makes any longer.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import importlib
import json
import os
import pathlib
import signal
import sys
import time
import typing as t

import tomllib
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
Change = tuple[str, ...]

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
    """A changed source, the function in which it differs, and the lines that do, as one."""

    line: int
    source: str
    where: str
    before: str
    after: str
    diff: str

    @property
    def change(self) -> Change:
        """By what an explanation names it, wherever its lines have gone."""
        return self.where, self.before, self.after


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


def scopes(source: str) -> dict[int, str]:
    """Give the full name of the innermost function or class of each line that is in one."""
    names: dict[int, str] = {}

    def visit(node: ast.AST, outer: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                name = f"{outer}.{child.name}".lstrip(".")
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                names.update(dict.fromkeys(range(first, (child.end_lineno or 0) + 1), name))
                visit(child, name)
            else:
                visit(child, outer)

    visit(ast.parse(source), "")
    return names


def mutants(source: str, path: str) -> list[Mutant]:
    """Give the mutants of a source, in its order, each once and only those that are Python."""
    quiet, names = quiet_spans(source), scopes(source)
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
                found[mutated] = _described(start[0], names.get(start[0], ""), source, mutated, path)
    return sorted(found.values(), key=lambda mutant: mutant.line)


def _is_another_program(source: str, mutated: str) -> bool:
    try:
        return ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


def _described(line: int, where: str, source: str, mutated: str, path: str) -> Mutant:
    diff = list(difflib.unified_diff(source.splitlines(), mutated.splitlines(), path, path, lineterm="", n=1))
    before, after = (one_line(" ".join(text[1:] for text in diff[2:] if text[0] == sign)) for sign in "-+")
    return Mutant(line, mutated, where, before, after, "\n".join(diff))


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


def explained(path: pathlib.Path, module: str) -> set[Change]:
    """Give the changes of a module that no test can or should notice."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["equivalent"]
    return {tuple(change) for entry in entries if entry["module"] == module for change in entry["mutants"]}


def fates(path: pathlib.Path, tests: t.Sequence[str], explanations: set[Change]) -> list[dict[str, t.Any]]:
    """Try all mutants of a file, which afterwards is as it was."""
    source, times = path.read_text(encoding="utf-8"), path.stat()
    start = time.monotonic()
    if not passes(tests, BASELINE_SECONDS, sys.stdout.fileno()):
        sys.exit("the tests fail without any change")
    patience = PATIENCE_SECONDS + PATIENCE_FACTOR * (time.monotonic() - start)
    found = []
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for mutant in mutants(source, str(path)):
            path.write_text(mutant.source, encoding="utf-8")
            # No compiled file is as old.
            os.utime(path, (1, 1))
            killed = not passes(tests, patience, nowhere)
            fate = "killed" if killed else "explained" if mutant.change in explanations else "survived"
            found.append({"change": mutant.change, "diff": mutant.diff, "fate": fate})
    finally:
        path.write_text(source, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return found


def main(source: str, explanations: str, report: str, *tests: str) -> None:
    """Try a file, and report."""
    for name in COMMON_IMPORTS:
        importlib.import_module(name)
    # The unchanged modules may be compiled once for all; what is compiled of a mutant would be taken for the next one.
    sys.dont_write_bytecode = False
    passes(tests, BASELINE_SECONDS, sys.stdout.fileno())
    sys.dont_write_bytecode = True
    known = explained(pathlib.Path(explanations), pathlib.Path(source).stem)
    found = fates(pathlib.Path(source), tests, known)
    idle = sorted(known - {mutant["change"] for mutant in found})
    pathlib.Path(report).write_text(json.dumps({"mutants": found, "idle": idle}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

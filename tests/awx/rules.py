# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX 24.6 refuses, as its serializers and views say and as it was seen there."""

from __future__ import annotations

from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

SURVEY_TYPES = {"text": str, "textarea": str, "password": str, "multiplechoice": str, "multiselect": str, "integer": int, "float": float}

PROMPTS = {
    "job_type": "ask_job_type_on_launch",
    "limit": "ask_limit_on_launch",
    "job_slice_count": "ask_job_slice_count_on_launch",
    "verbosity": "ask_verbosity_on_launch",
    "inventory": "ask_inventory_on_launch",
}
"""What a schedule, a node of a workflow or a launch may say, if the template asks for it."""

ASKS = (*PROMPTS.values(), "ask_labels_on_launch", "ask_variables_on_launch")
"""What a template tells about what it asks for, as far as somebody reads it."""


def wrong(controller: Any, kind: str, given: dict[str, Any]) -> str | None:
    """Why AWX would not keep this object, or None."""
    if kind == "credential_types":
        return _wrong_type(given)
    if kind == "job_templates" and given["playbook"] not in controller.playbooks:
        return "Playbook not found for project."
    if kind == "projects" and given.get("scm_type") not in ("git", "svn", "insights", "archive"):
        return "A manual project needs a folder on the control plane, and installs no collections."
    if kind == "schedules":
        return _wrong_rule(given.get("rrule", "")) or wrong_prompts(_template(controller, given), given)
    if kind == "workflow_job_template_nodes" and given.get("unified_job_template"):
        return wrong_prompts(_template(controller, given), given)
    return None


def _template(controller: Any, given: dict[str, Any]) -> dict[str, Any]:
    number = given["unified_job_template"]
    return next(one for kind in controller.lists for one in controller.lists[kind] if one["id"] == number)


def wrong_prompts(template: dict[str, Any], given: dict[str, Any]) -> str | None:
    """Why a template cannot be launched with these prompts and answers."""
    for field, asked in PROMPTS.items():
        if given.get(field) not in (None, "") and not template.get(asked):
            return f"{field}: Field is not configured to prompt on launch."
    answers = given.get("extra_data") or {}
    questions = (template.get("_survey") or {}).get("spec", [])
    missing = [one["variable"] for one in questions if one["required"] and one["variable"] not in answers]
    # A node takes the defaults where it answers nothing.
    if missing and answers:
        return f"variables_needed_to_start: {', '.join(missing)}"
    for one in questions:
        cause = wrong_answer(one, answers[one["variable"]]) if one["variable"] in answers else None
        if cause:
            return cause
    strangers = answers.keys() - {one["variable"] for one in questions}
    if strangers and not template.get("ask_variables_on_launch"):
        return f"Variables {', '.join(strangers)} are not allowed on launch."
    return None


def accepted(template: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What counts of what a launch gives. Unlike a schedule's, what the template does not ask for is ignored."""
    fields = {name: given[name] for name, asked in PROMPTS.items() if name in given and template.get(asked)}
    asked_for = {one["variable"] for one in (template.get("_survey") or {}).get("spec", [])}
    variables = given.get("extra_vars") or {}
    return {
        **fields,
        "extra_vars": {name: value for name, value in variables.items() if name in asked_for or template.get("ask_variables_on_launch")},
    }


def wrong_answer(question: dict[str, Any], answer: Any) -> str | None:
    """Why an answer is refused, or None."""
    variable = question["variable"]
    if not isinstance(answer, SURVEY_TYPES[question["type"]]):
        return f"Value {answer!r} for '{variable}' expected to be {question['type']}."
    size = len(answer) if isinstance(answer, str) else answer
    empty = answer == "" and not question["required"]
    if question["type"] in ("text", "textarea", "password", "integer", "float") and not empty:
        if question.get("min") not in (None, "") and size < question["min"]:
            return f"'{variable}' value {answer!r} is too small (must be at least {question['min']})."
        if question.get("max") not in (None, "") and size > question["max"]:
            return f"'{variable}' value {answer!r} is too large (must be no more than {question['max']})."
    if question["type"] == "multiplechoice" and answer not in question["choices"]:
        return f"Value {answer!r} for '{variable}' expected to be one of {question['choices']}."
    return None


def wrong_survey(spec: dict[str, Any]) -> str | None:
    """Why a survey is refused, or None."""
    for field, kind in (("name", str), ("description", str), ("spec", list)):
        if not isinstance(spec.get(field), kind):
            return f"Field '{field}' is missing from survey spec, or no {kind.__name__}."
    variables = [question.get("variable") for question in spec["spec"]]
    if not variables or len(set(variables)) != len(variables):
        return "A survey has questions, each with a variable of its own."
    for question in spec["spec"]:
        for field, kind in (("type", str), ("question_name", str), ("variable", str), ("required", bool)):
            if not isinstance(question.get(field), kind):
                return f"'{field}' missing from survey question, or no {kind.__name__}."
        if question["type"] not in SURVEY_TYPES:
            return f"'{question['type']}' is no type of question."
        default = question.get("default", "")
        if default != "" and (wrong_answer(question, default) or isinstance(default, bool)):
            return f"Default value {default!r} of {question['variable']} is none of its answers."
        if any(not isinstance(question.get(field), (int, type(None))) for field in ("min", "max")):
            return "A limit must be an integer."
        if question["type"] in ("multiplechoice", "multiselect") and not question.get("choices"):
            return "A question of choices must have some."
    return None


def wrong_association(controller: Any, name: str, numbers: list[int], number: int) -> str | None:
    """Why an object cannot be associated: a job has one credential of each type."""
    if name != "credentials":
        return None
    kinds = [controller.named("credentials", each)["credential_type"] for each in (*numbers, number)]
    return "Cannot assign multiple credentials of one type." if len(set(kinds)) != len(kinds) else None


def _wrong_type(given: dict[str, Any]) -> str | None:
    fields = [field["id"] for field in given["inputs"].get("fields", [])]
    if len(set(fields)) != len(fields) or set(given["inputs"].get("required", [])) - set(fields):
        return "Fields are unique, and what is required is one of them."
    for field in given["inputs"].get("fields", []):
        strange = field.keys() - {
            "id",
            "label",
            "help_text",
            "type",
            "secret",
            "multiline",
            "choices",
            "default",
            "format",
            "ask_at_runtime",
        }
        if strange or field.get("type", "string") not in ("string", "boolean") or not field.get("label"):
            return f"{field['id']} is no field of a credential: {strange}"
    injectors = given.get("injectors", {})
    names = dict.fromkeys(fields, "EXAMPLE")
    files = {name.removeprefix("template."): "/file" for name in injectors.get("file", {})}
    for kind, injector in injectors.items():
        if kind not in ("env", "extra_vars", "file"):
            return f"{kind} is no injector."
        for name, template in injector.items():
            try:
                ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(template).render(**names, tower={"filename": files})
            except TemplateError as error:
                return f"{name} uses an undefined field: {error}"
    return None


def _wrong_rule(rule: str) -> str | None:
    if not rule.startswith("DTSTART") or "RRULE:" not in rule or "INTERVAL" not in rule:
        return "Valid DTSTART and INTERVAL required in rrule."
    return None


def masked(controller: Any, credential: dict[str, Any]) -> dict[str, Any]:
    """The inputs of a credential as AWX shows them."""
    fields = controller.named("credential_types", credential["credential_type"])["inputs"]["fields"]
    secret = {field["id"] for field in fields if field.get("secret")}
    return {name: "$encrypted$" if name in secret and value else value for name, value in credential["inputs"].items()}

"""Our reading of SCIM filters and our copy of the schemas, against scim2-models as a second opinion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scim2_models import (
    EnterpriseUser,
    Group,
    InvalidFilterException,
    ResourceType,
    Schema,
    ScimFilter,
    ServiceProviderConfig,
    User,
)

from dirsync_nb.sandbox.scim import filter_syntax, schemas

PATHS = ("userName", "emails.value", "$ref", "urn:a:2.0:User:x.y", "and", "pr", "a.b.c", "never")
TESTS = (
    "pr",
    'eq "x"',
    "NE null",
    "gt -1.5e3",
    'eq"\\u00e9"',
    "eq 007",
    'eq "\\N"',
    "eq 1e999",
    "EQ true",
    "eq x",
)
PIECES = (*PATHS, *TESTS, "and", "or", "not", "(", ")", "[", "]", ".value", ". x", "'", " ", "\t", ",")

plain = st.builds("{} {}".format, st.sampled_from(PATHS), st.sampled_from(TESTS))
nested = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.builds("({})".format, inner),
        st.builds("not ({})".format, inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(("and", "or", "AND")), inner),
        st.builds("emails[{}]{}".format, inner, st.sampled_from(("", ".value pr", '.value eq "y"', ".value"))),
    ),
    max_leaves=6,
)
noise = st.lists(st.sampled_from(PIECES), max_size=7).map(" ".join)


def tree(node: Any) -> Any:
    """Return a tree of either kind as plain values."""
    kind, op = type(node).__name__, str(getattr(node, "op", ""))
    if kind == "LogicalExpr":
        return kind, op, [tree(term) for term in node.terms]
    if kind == "Not":
        return kind, tree(node.expr)
    path = (node.attr_path.attr, node.attr_path.sub_attr, node.attr_path.uri)
    if kind == "ValuePath":
        return kind, path, tree(node.val_filter)
    return kind, path, op, repr(getattr(node, "value", None))


def theirs(written: str) -> Any:
    try:
        return tree(ScimFilter(written).ast)
    except InvalidFilterException:
        return None


def ours(written: str) -> Any:
    try:
        return tree(filter_syntax.parse(written))
    except filter_syntax.InvalidFilter:
        return None


@example('emails[type eq "work"].value eq "x" and not(active eq FALSE or a pr)')
@example("")
@given(st.one_of(nested, noise))
@settings(max_examples=300)
def test_a_filter_is_read_as_scim2_models_reads_it(written):
    assert ours(written) == theirs(written)


def test_deep_filters_are_refused_and_exhaust_nothing():
    for written in ("(" * 900 + "a pr" + ")" * 900, "not (" * 300 + "a pr" + ")" * 300):
        with pytest.raises(filter_syntax.InvalidFilter, match="nests more than 32"):
            filter_syntax.parse(written)
    assert filter_syntax.parse(" and ".join(["a pr"] * 250))


def without_words(thing):
    """Leave the sentences of a schema out: those are somebody's, and the facts are the standard's."""
    if isinstance(thing, dict):
        return {
            name: without_words(held)
            for name, held in thing.items()
            if name != "description" or isinstance(held, dict)
        }
    return [without_words(one) for one in thing] if isinstance(thing, list) else thing


def test_the_schemas_that_are_kept_have_the_facts_of_scim2_models():
    kept = json.loads(Path(schemas.__file__).with_name("schemas.json").read_text(encoding="utf-8"))
    models = (User, Group, EnterpriseUser, ResourceType, ServiceProviderConfig, Schema)
    assert kept == {str(model.__schema__): without_words(model.to_schema().model_dump()) for model in models}

"""YAML as it is read: the 1.2 core schema, places, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.errors import ConfigurationError, MissingInputError
from resilience.scenario.dump import dump_yaml
from resilience.scenario.source import MAX_BYTES, Node, parse_source, read_source, set_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1e3", 1000.0), ("+1.", 1.0), (".5", 0.5), ("-2", -2), ("010", 10), ("0o10", 8), ("0x1F", 31),
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("True", True), ("FALSE", False),
        ("tRUE", "tRUE"), ("1:30", "1:30"), ("2026-01-01", "2026-01-01"), ("1_000", "1_000"), ("0b1", "0b1"),
        ("~", None), ("null", None), ("", None), ("'1'", "1"), ('"true"', "true"), ("1.2.3", "1.2.3"), ("=", "="),
        ("-.INF", -math.inf), ("! x", "x"), ("EPSG:26986", "EPSG:26986"), ("부산", "부산"),
    ],
)  # fmt: skip
def test_words_mean_what_yaml_1_2_says(text: str, value: Any) -> None:
    read = parse_source(f"key: {text}\n", name="text").data()["key"]
    assert read == value
    assert type(read) is type(value)


def test_not_a_number_is_one() -> None:
    assert math.isnan(parse_source(".nan", name="text").data())


@pytest.mark.parametrize(
    ("text", "where", "fragment"),
    [
        ("a: 1\nb: 2\na: 3\n", "text:3:1", "'a' again (first at line 1)"),
        ("a: {b: 1, b: 2}\n", "text:1:11", "'b' again"),
        ("1: x\n1.0: y\n", "text:2:1", "again"),
        ("a: !!python/object/apply:os.system [ls]\n", "text:1:4", "without tags"),
        ("a: !!str 5\n", "text:1:4", "without tags"),
        ("a: !own {b: 1}\n", "text:1:4", "without tags"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "text:3:3", "merge key"),
        ("a: *x\n", "text:1:4", "anchor above it"),
        ("a: &x [*x]\n", "text:1:8", "anchor above it"),
        ("a: 1\n---\nb: 2\n", "text:2:1", "one document"),
        ("%YAML 1.1\n---\na: no\n", "text:2:1", "YAML 1.2"),
        ("? [1, 2]\n: 3\n", "text:1:3", "a word or a number"),
        ("~: 3\n", "text:1:1", "a word or a number"),
        ("a: [1, 2\nb: 3\n", "text:2:2", "well-formed"),
        ("a:\n\t- b\n", "text:2:1", "well-formed"),
        ("a: b: c\n", "text:1:5", "well-formed"),
        ("a: 'b\n", "text:2:1", "well-formed"),
        ("a: \x07\n", "text:1:4", "well-formed"),
        ("a: 1\nb: x\x00y\n", "text:2:5", "U+0000"),
        ("a: 1\nb: 'x'\n\x1b\n", "text:3:1", "U+001B"),
        ("a: " + "9" * 50 + "\n", "text:1:4", "digits"),
        ("a: " + "[" * 40 + "]" * 40 + "\n", "text:1:28", "levels"),
    ],
)
def test_what_is_no_plain_data_is_refused_with_its_place(text: str, where: str, fragment: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_source(text, name="text")
    (problem,) = caught.value.problems
    assert problem.where == where
    assert fragment in str(problem)


def test_all_that_is_refused_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_source("a: !x 1\na: 2\n<<: {}\nb: *y\n", name="text")
    assert [problem.where for problem in caught.value.problems] == ["text:1:4", "text:2:1", "text:3:1", "text:4:4"]


def test_aliases_are_values_and_cannot_explode() -> None:
    assert parse_source("a: &x [1, 2]\nb: *x\n", name="text").data() == {"a": [1, 2], "b": [1, 2]}
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )
    with pytest.raises(ConfigurationError, match="values, aliases expanded"):
        parse_source(bomb, name="text")


def test_every_value_knows_its_place() -> None:
    root = parse_source("a:\n  - b: 1\n    c: [2, 3]\n", name="city.yaml")
    entry = root.value["a"].value[0]
    assert str(entry.keys["c"]) == "city.yaml:3:5"
    assert str(entry.value["c"].value[1].place) == "city.yaml:3:12"


def test_a_key_without_a_value_is_where_the_key_is() -> None:
    root = parse_source("a: 1\nb:\n# - x\n\nc: {d: , e: ~}\n", name="text")
    inner = root.value["c"].value
    assert [str(node.place) for node in (root.value["b"], inner["d"], inner["e"])] == [
        "text:2:1",
        "text:5:5",
        "text:5:13",
    ]


def test_files_that_are_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no such file"):
        read_source(tmp_path / "none.yaml")
    with pytest.raises(MissingInputError, match="cannot be opened"):
        read_source(tmp_path)
    with pytest.raises(MissingInputError, match="cannot be opened"):
        read_source("a\0b")
    path = tmp_path / "city.yaml"
    path.write_bytes(b"a: 1\nb: \xff\xfe\n")
    with pytest.raises(ConfigurationError, match=r"city\.yaml:2:4: text: byte 0xff"):
        read_source(path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigurationError, match="at most 262,144 bytes"):
        read_source(path)
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_source(path).data() == {"a": 1}


def test_an_empty_text_is_nothing() -> None:
    assert parse_source("# only a comment\n", name="text").data() is None


def test_set_value_reaches_into_lists_and_makes_sections() -> None:
    root = Node.of({"hazards": [{"files": {10: "a"}}], "name": "x"})
    assert set_value(root, "hazards.0.files.10=b").data()["hazards"][0]["files"] == {10: "b"}
    assert set_value(root, "risk.tail=none").data()["risk"] == {"tail": "none"}
    assert set_value(root, "name=").data()["name"] is None
    assert set_value(root, "name=a=b").data()["name"] == "a=b"
    assert root.data() == {"hazards": [{"files": {10: "a"}}], "name": "x"}


@pytest.mark.parametrize(
    ("assignment", "fragment"),
    [
        ("name", "KEY=VALUE"), ("=3", "KEY=VALUE"), ("a..b=3", "KEY=VALUE"), ("hazards.1.unit=m", "a number below 1"),
        ("hazards.x=3", "a number below 1"), ("name.x=3", "leads through"), ("name=[", "well-formed"),
        ("name=!x 3", "tags"),
    ],
)  # fmt: skip
def test_set_value_refuses_what_leads_nowhere(assignment: str, fragment: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--set") as caught:
        set_value(Node.of({"hazards": [{}], "name": "x"}), assignment)
    assert fragment in str(caught.value)


TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["no", "1e-3", "010", "~", "", "a: b", "a #b", "- x", "true", "<<", "*x", "%a"]),
)
PLAIN = st.recursive(
    st.one_of(
        TEXTS, st.integers(-(10**30), 10**30), st.floats(allow_nan=False, allow_infinity=False), st.booleans(),
        st.none(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(TEXTS, PLAIN, max_size=4))
def test_what_is_written_reads_back(data: dict[str, Any]) -> None:
    assert parse_source(dump_yaml(data) if data else "{}", name="text").data() == data


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_source(text, name="text")
    except ConfigurationError as error:
        if not error.problems:
            pytest.fail("a refusal without a problem")

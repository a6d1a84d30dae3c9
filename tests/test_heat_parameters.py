"""Every coefficient says what it is, where it is from and how sure it is, in code and on paper."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

from resilience import heat
from resilience.errors import ConfigurationError

SETS = [
    one for one in vars(heat).values()
    if isinstance(one, type) and issubclass(one, heat.Parameters) and one is not heat.Parameters
]  # fmt: skip
FUNCTIONS = [one for name, one in vars(heat).items() if inspect.isfunction(one) and name in heat.__all__]


def make_heat():
    path = Path(__file__).parents[1] / "docs" / "make_heat.py"
    spec = importlib.util.spec_from_file_location("make_heat", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def required(kind):
    return {field.name: 30.0 for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING}


@pytest.mark.parametrize("kind", SETS, ids=lambda kind: kind.__name__)
def test_every_field_tells_unit_basis_and_source(kind):
    assert kind.__doc__[0].isupper()
    described = kind(**required(kind)).describe()
    for name, default, unit, meaning, basis, text in heat.parameter_rows(kind):
        assert basis in ("source", "memory", "default")
        assert unit
        assert text
        assert meaning[-1] != "."
        entry = f"{name} : float, {unit}\n    {meaning[0].upper()}{meaning[1:]}. Default {default} ({basis}: {text})."
        assert entry in kind.__doc__
        if default != "required":
            assert re.search(rf"{name} = \S+ {re.escape(unit)} \({basis}: {re.escape(text)}\)", described)


@pytest.mark.parametrize("kind", SETS, ids=lambda kind: kind.__name__)
def test_a_set_cannot_be_changed_and_refuses_what_is_no_number(kind):
    made = kind(**required(kind))
    first = dataclasses.fields(kind)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, first, 1.0)
    with pytest.raises(ConfigurationError, match=rf"{kind.__name__}.{first}"):
        kind(**{**required(kind), first: "1"})
    with pytest.raises(ConfigurationError, match=rf"{kind.__name__}.{first}"):
        kind(**{**required(kind), first: float("inf")})


def test_a_changed_coefficient_is_told_as_the_users_own():
    assert "half = 30 degC (user)" in heat.Crew(half=30.0).describe()
    assert "exponent = 6.33 1 (source" in heat.Crew(half=30.0).describe()
    assert "threshold = 25 degC (user)" in heat.DaeguMortality(threshold=25.0).describe()


def test_what_is_remembered_or_judged_is_marked():
    assert {row[4] for row in heat.parameter_rows(heat.ApparentTemperature)} == {"memory"}
    assert {row[4] for row in heat.parameter_rows(heat.Pavement)} == {"default"}
    assert {row[4] for row in heat.parameter_rows(heat.HeatIndex)} == {"source"}


def test_the_manual_has_the_coefficients_of_the_code():
    module = make_heat()
    assert set(module.coefficient_sets()) == set(SETS)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run: python docs/make_heat.py"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_the_manual_names_every_function(function):
    text = (Path(__file__).parents[1] / "docs" / "heat.md").read_text(encoding="utf-8")
    known = {"convective_cooling", "radiative_cooling", "rothfusz_regression", "parameter_rows"}
    assert f"`{function.__name__}`" in text or function.__name__ in known

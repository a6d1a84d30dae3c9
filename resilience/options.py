"""Options: the city as it is once something is done about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from resilience.asked import build_redundancy
from resilience.errors import (
    Attempts,
    ConfigurationError,
    DataError,
    MissingInputError,
    Problems,
    ResilienceError,
    suggestion,
)
from resilience.inputs import Inputs, prepare_sectors, settle_levels
from resilience.network import Network
from resilience.network.changes import (
    ZONES,
    add_flood_boards,
    add_providers,
    change_buffers,
    change_curves,
    raise_components,
)
from resilience.network.redundancy import add_redundancy
from resilience.network.selectors import RowFinder
from resilience.scenario import Scenario
from resilience.scenario.options import (
    AnyChange,
    Buffer,
    CoolRoof,
    FloodBoard,
    MoreCrews,
    MoreRedundancy,
    OptionSection,
    OtherCurves,
    Raise,
    SecondFeeder,
    settle_options,
)


def check_options(scenario: Scenario, inputs: Inputs) -> None:
    """Raise if an option of the scenario cannot be done in this city.

    Parameters
    ----------
    scenario : Scenario
    inputs : Inputs

    Raises
    ------
    ConfigurationError, DataError
        With everything that is wrong: selectors that fit nothing, curves and services that are not there, changes that
        would change nothing.
    """
    attempt = Attempts(scenario.place)
    options = settle_options(scenario.options)
    # What is wrong with an option is told once, not again of every combination that it is part of.
    for combined in (False, True):
        for number, option in enumerate(options):
            if bool(option.combine) == combined:
                attempt(partial(take_option, scenario, inputs, option, number=number))
        attempt.raise_if_any()
    reached = [rule.name for rule in inputs.services]
    strange = [name for name in scenario.values or () if name not in reached]
    problems = Problems()
    for name in strange:
        wanted = f"services of people: {', '.join(reached)}{suggestion(name, reached)}"
        key = f"values.{name}"
        problems.add(key, wanted=wanted, got="no such service", where=scenario.place(key))
    problems.raise_if_any(ConfigurationError)


def take_option(scenario: Scenario, inputs: Inputs, option: OptionSection, *, number: int) -> tuple[Scenario, Inputs]:
    """Return the scenario and the inputs as an option makes them.

    Parameters
    ----------
    scenario : Scenario
    inputs : Inputs
        Of the city as it is.
    option : OptionSection
        Settled, see :func:`resilience.scenario.options.settle_options`.
    number : int
        Its place among the options, for messages.

    Raises
    ------
    ConfigurationError, DataError
        With everything that cannot be done.
    """
    problems = Problems()
    for k, change in enumerate(option.changes):
        subject = f"options.{number}.combine" if option.combine else f"options.{number}.changes.{k}"
        scenario, inputs = _make(change, scenario, inputs, problems, subject)
    problems.raise_if_any(ConfigurationError)
    return scenario, inputs


@contextmanager
def told_of(option: OptionSection) -> Iterator[None]:
    """Let what is wrong with the city that an option makes be told as of the option."""
    try:
        yield
    except (DataError, ConfigurationError, MissingInputError) as error:
        raise type(error)(
            replace(problem, subject=f"options, {option.name}: {problem.subject}") for problem in error.problems
        ) from error


def _make(
    change: AnyChange, scenario: Scenario, inputs: Inputs, problems: Problems, subject: str
) -> tuple[Scenario, Inputs]:
    """Return the city after a change; as it is where something is wrong, which is noted."""
    if isinstance(change, MoreCrews):
        return _add_crews(scenario, change), inputs
    if isinstance(change, MoreRedundancy):
        return scenario, _add_redundancy(scenario, inputs, change, problems, subject)
    if isinstance(change, CoolRoof):
        return scenario, _cool_roofs(scenario, inputs, change, problems, f"{subject}.cool_roof")
    changed = _change_network(change, inputs, problems, subject)
    return scenario, replace(inputs, network=changed)


def _change_network(
    change: Raise | FloodBoard | SecondFeeder | Buffer | OtherCurves, inputs: Inputs, problems: Problems, subject: str
) -> Network:
    network = inputs.network
    if isinstance(change, Raise):
        return raise_components(
            network, _plain(change.raise_), by=change.by_m, problems=problems, subject=f"{subject}.raise"
        )
    if isinstance(change, FloodBoard):
        return add_flood_boards(
            network, _plain(change.flood_board), height=change.height_m, seal_failure=change.seal_failure,
            problems=problems, subject=f"{subject}.flood_board",
        )  # fmt: skip
    if isinstance(change, OtherCurves):
        before = len(problems)
        _check_curves(change, inputs, problems, subject)
        if len(problems) > before:
            return network
        return change_curves(
            network, _plain(change.curves), curves=change.named(), problems=problems, subject=f"{subject}.curves"
        )  # fmt: skip
    if isinstance(change, SecondFeeder):
        provider = None if change.provider is None else _plain(change.provider)
        return add_providers(
            network, _plain(change.second_feeder), service=change.service, provider=provider, problems=problems,
            subject=subject,
        )  # fmt: skip
    columns = {"buffer_hours": change.hours, "start_probability": change.start_probability,
               "recharge_hours": change.recharge_hours, "buffer_height": change.height_m}  # fmt: skip
    changed = {name: value for name, value in columns.items() if value is not None}
    return change_buffers(
        network, _plain(change.buffer), service=change.service, changed=changed, problems=problems, subject=subject
    )  # fmt: skip


def _plain(selector: Any) -> Any:
    return selector if selector == ZONES else {key: list(values) for key, values in selector.items()}


def _check_curves(change: OtherCurves, inputs: Inputs, problems: Problems, subject: str) -> None:
    """Note curves that are not there, or are of another kind than what they are to be."""
    for told, name in change.named().items():
        peril, role = told.split("_")
        fitting = [curve.name for curve in inputs.curves if (curve.peril, curve.role) == (peril, role)]
        if name not in fitting:
            wanted = f"a {role} curve of {peril}{suggestion(name, fitting)}"
            got = f"{name!r}, which is none" if name in inputs.curves else repr(name)
            problems.add(f"{subject}.{told}", wanted=wanted, got=got)


def _add_crews(scenario: Scenario, change: MoreCrews) -> Scenario:
    """Return the scenario with more crews, of sectors that it names."""
    time = scenario.time
    assert time is not None  # the scenario was refused without crews
    assert time.repair is not None
    crews = {sector: n + change.crews.get(sector, 0) for sector, n in time.repair.crews.items()}
    repair = time.repair.model_copy(update={"crews": crews})
    return scenario.model_copy(update={"time": time.model_copy(update={"repair": repair})})


def _add_redundancy(
    scenario: Scenario, inputs: Inputs, change: MoreRedundancy, problems: Problems, subject: str
) -> Inputs:
    """Return the inputs with further assets, and what follows from them."""
    unknown = [part.service for part in change.redundancy if part.service not in inputs.service_order]
    for name in unknown:
        wanted = f"one of services: {', '.join(inputs.service_order)}{suggestion(name, inputs.service_order)}"
        problems.add(f"{subject}.redundancy.service", wanted=wanted, got=repr(name))
    if unknown:
        return inputs
    try:
        network = add_redundancy(inputs.network, build_redundancy(change.redundancy))
    except ResilienceError as error:
        problems.extend(replace(problem, subject=f"{subject}.{problem.subject}") for problem in error.problems)
        return inputs
    return replace(
        inputs, network=network, levels=settle_levels(scenario, network), sectors=prepare_sectors(network, scenario)
    )  # fmt: skip


def _cool_roofs(scenario: Scenario, inputs: Inputs, change: CoolRoof, problems: Problems, subject: str) -> Inputs:
    """Return the inputs with less growth of demand by heat at some assets."""
    demand = None if scenario.heat is None else scenario.heat.demand
    if demand is None:
        problems.add(subject, wanted="heat.demand: without it no demand grows in the heat", got="absent")
        return inputs
    before = len(problems)
    assets, supply = inputs.network.assets, inputs.network.supply
    chosen = RowFinder(assets).find(_plain(change.cool_roof), problems, subject=subject)
    if len(problems) > before:
        return inputs
    draws = supply["asset"][(supply["sector"] == demand.sector) & (supply["demand"] > 0)]
    names = assets["id"][chosen & assets["id"].isin(draws)]
    if names.empty:
        wanted = f"assets with a demand in {demand.sector}"
        problems.add(subject, wanted=wanted, got=f"none among {int(chosen.sum()):,} selected")
        return inputs
    saved = dict(inputs.cooling_saved)
    for name in names.astype(str):
        saved[name] = 1.0 - (1.0 - saved.get(name, 0.0)) * (1.0 - change.cooling_saved)
    return replace(inputs, cooling_saved=saved)

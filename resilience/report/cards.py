"""The first answers of a report, for who has ten seconds."""

from __future__ import annotations

from dataclasses import dataclass

from resilience.reading import FinishedRun
from resilience.report.answer import EventLoss, annual_losses, annual_money, event_losses
from resilience.report.change import Change
from resilience.report.critical import Critical
from resilience.report.reasons import Reason
from resilience.report.rounding import tell_share
from resilience.report.words import Units, Words


@dataclass(frozen=True)
class Card:
    """One answer: what it is about, the answer, and what belongs to it."""

    about: str
    figure: str
    rest: str


def first_cards(
    run: FinishedRun,
    words: Words,
    units: Units,
    *,
    reasons: list[Reason],
    critical: dict[str, list[Critical]],
    change: Change | None,
) -> list[Card]:
    """Return the first answers: what moved, what is lost most, where that begins, in which event, by which asset."""
    cards = [] if change is None else [_change_card(words, change)]
    losses, money = annual_losses(run), annual_money(run)
    if not any(row.bar > 0 for row in losses):
        return cards
    most = max(range(len(losses)), key=lambda i: losses[i].bar)
    row, service = losses[most], losses[most].service
    told = words("card_loss_rest" if row.interval else "card_loss_exact", value=row.value, interval=row.interval,
                 unit=units.headline)  # fmt: skip
    cards.append(Card(words("card_loss"), words.name("service", service), told))
    why = next((one for one in reasons if one.subject == service and not one.event), None)
    if why is not None and why.parts and "/" in why.parts[0].name:
        name = words.root(why.parts[0].name)
        cards.append(Card(words("card_root"), name, words("card_root_rest", share=tell_share(why.parts[0].share))))
    worst = max(event_losses(run), key=lambda event: event.shades[most])
    told = words("card_event_rest", value=worst.values[most], unit=units.headline)
    cards.append(Card(words("card_event"), event_label(words, worst), told))
    if service in critical:
        first = critical[service][0]
        told = words("card_asset_rest", share=first.share, unit=units.people)
        cards.append(Card(words("card_asset"), first.name, told))
    if money[0]:
        cards.append(Card(words("card_money"), money[0], words("card_money_rest")))
    return cards


def _change_card(words: Words, change: Change) -> Card:
    """Return what differs by more than chance since another run."""
    moved = [row for row in change.rows if row.verdict in ("verdict_up", "verdict_down")]
    names = list(dict.fromkeys(words.name("service", row.service) for row in moved))
    figure = words("card_change_moved", n=len(moved), all=len(change.rows)) if moved else words("card_change_none")
    return Card(words("change", run=change.name), figure, ", ".join(names))


def event_label(words: Words, row: EventLoss) -> str:
    """Return an event for people: its name, and how rare it is."""
    return f"{row.event} · {words('years', n=row.period)}" if row.period else row.event

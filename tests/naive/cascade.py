"""The fixed point, its causes and roots, one sample after the other."""

from __future__ import annotations

from resilience.network import Network


class CascadeTwin:
    """The definition of docs/semantics.md, one sample at a time, with sets of ids."""

    def __init__(self, network: Network, connected: set[str]) -> None:
        self.assets = network.assets.set_index("id")
        self.sector = self.assets["sector"].to_dict()
        self.needs = network.needs.to_dict("records")
        self.providers = network.dependencies.groupby("need")["provider"].apply(list).to_dict()
        self.sources = set(network.supply["asset"])
        self.links = [
            (i, r["from_asset"], r["to_asset"], bool(r["oneway"]))
            for i, r in self.assets.iterrows() if r["from_asset"]
        ]  # fmt: skip
        with_links = {self.sector[i] for i, *_ in self.links} | {self.sector[s] for s in self.sources}
        self.connected = connected & with_links

    def inbound(self, asset: str) -> list[str]:
        found = []
        for link, a, b, oneway in self.links:
            if asset == link:
                found += [a] if oneway else [a, b]
            elif asset == b or (asset == a and not oneway):
                found.append(link)
        return found

    def supplied(self, up: set[str]) -> set[str]:
        reached = {i for i in up if self.sector[i] not in self.connected}
        front = [i for i in up if self.sector[i] in self.connected and i in self.sources]
        reached |= set(front)
        while front:
            here = front.pop()
            for other in up - reached:
                if self.sector[other] == self.sector[here] and here in self.inbound(other):
                    reached.add(other)
                    front.append(other)
        return reached

    def unmet(self, asset: str, up: set[str], buffers: set[str]) -> list[dict]:
        return [
            n for n in self.needs if n["dependent"] == asset and n["id"] not in buffers
            and sum(p in up for p in self.providers[n["id"]]) < n["required"]
        ]  # fmt: skip

    def greatest(self, able: set[str], buffers: set[str]) -> set[str]:
        up = set(able)
        while True:
            new = {i for i in self.supplied(up) if not self.unmet(i, up, buffers)}
            if new == up:
                return up
            up = new

    def least(self, able: set[str], buffers: set[str]) -> set[str]:
        up: set[str] = set()
        while True:
            new = self.supplied({i for i in able if not self.unmet(i, up, buffers)})
            if new == up:
                return up
            up = new

    def cause(self, asset: str, able: set[str], up: set[str], buffers: set[str], order: list[str]) -> str:
        if asset not in able:
            return "hazard"
        supplied = self.sector[asset] in self.connected and asset not in self.sources
        if supplied and not any(other in up for other in self.inbound(asset)):
            return "supply"
        unmet = {n["service"] for n in self.unmet(asset, up, buffers)}
        return "need:" + next(s for s in order if s in unmet)

    def roots(self, able: set[str], intact: set[str], buffers: set[str]) -> dict[str, set[str]]:
        up = able & intact
        found = {i: {self.sector[i]} for i in self.assets.index if i not in able}
        while True:
            before = set(up)
            cut = {i for i in up if i not in self.supplied(up)}
            short = {i for i in up if self.unmet(i, up, buffers)}
            new: dict[str, set[str]] = {i: set() for i in cut | short}
            for i in cut:
                for other in self.inbound(i):
                    if other not in before:
                        new[i] |= found.get(other, set())
            while True:
                size = sum(map(len, new.values()))
                for i in cut:
                    for other in self.inbound(i):
                        if other in cut:
                            new[i] |= new[other]
                if sum(map(len, new.values())) == size:
                    break
            # After the island is settled: a need that one of it loses in the same round cut off none of the others.
            for i in short:
                for need in self.unmet(i, before, buffers):
                    for p in self.providers[need["id"]]:
                        if p not in before:
                            new[i] |= found.get(p, set())
            found.update(new)
            up -= cut | short
            if up == before:
                return found

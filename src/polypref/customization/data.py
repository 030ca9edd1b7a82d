"""The data of a customisation: general sets and domains, each in parts that share no prompt with any test set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from polypref.customization.config import CustomizeConfig, Domains, General, Stage
from polypref.customization.tradeoff import write_json
from polypref.groups.fingerprint import fingerprint
from polypref.groups.model import Comparison, Group, shown
from polypref.groups.sources import Sources
from polypref.groups.splitting import prompt_key, split_part
from polypref.models.customised import domain_folder
from polypref.objectives import group_judgments
from polypref.training.config import ConfigError
from polypref.training.progress import Report

A_DOMAIN = "the domain "  # what messages call one begins so
_MOST_LISTED = 20


class LeakError(ConfigError):
    """Prompts of a test set are also used for something else; `prompts` are all of them."""

    def __init__(self, message: str, prompts: Sequence[str] = ()) -> None:  # the message alone, where it is unpickled
        super().__init__(message)
        self.prompts = tuple(prompts)


@dataclass(frozen=True)
class Parts:
    """The groups of a domain or general set."""

    train: Sequence[Group]
    choose: Sequence[Group]  # by which the checkpoint is chosen
    test: Sequence[Group]  # measured once, at the end


@dataclass(frozen=True)
class _Whole:
    """A domain or general set before it is split."""

    groups: Sequence[Group]
    test: Sequence[Group] = ()  # if it is given
    share: float = 0.0  # of the prompts to hold out as test set, if none is given
    choose: float = 0.0  # of the others, those to choose by


@dataclass(frozen=True)
class CustomizeData:
    """Everything that is trained on, chosen by and tested on."""

    general: Mapping[str, Parts]
    domains: Mapping[str, Parts]
    instruction: Sequence[Group] = ()  # those whose best responses stage 1 learns

    @property
    def general_held_out(self) -> list[Group]:
        """What stage 2 is watched on: not the test sets, unless there are no domains to lose anything for."""
        return [group for parts in self.general.values() for group in (parts.choose if self.domains else parts.test)]

    @property
    def enrichment(self) -> list[Group]:
        """The general groups that stage 2 learns from, and that may be mixed into a domain's."""
        return [group for parts in self.general.values() for group in parts.train]

    @property
    def sets(self) -> dict[str, Parts]:
        """The general sets and domains, by what messages call them."""
        general = {f"the general set {name}": parts for name, parts in self.general.items()}
        return general | {A_DOMAIN + name: parts for name, parts in self.domains.items()}

    def fingerprints(self) -> dict[str, str]:
        """A digest of each set, its parts and their order included, by what messages call the set."""
        found = {what: fingerprint(parts.train, parts.choose, parts.test) for what, parts in self.sets.items()}
        return {**found, "instruction.data": fingerprint(self.instruction)}


def load_data(config: CustomizeConfig, report: Report) -> CustomizeData:
    """Read and split all sets, and refuse what would make the numbers worthless."""
    general = _general(config.general, report) if config.general else {}
    domains = _domains(config.domains, report) if config.domains else {}
    instruction: Sequence[Group] = ()
    if config.instruction:
        instruction = _read(config.instruction.data, config.instruction, report)
    settings = config.domains or Domains(data=())  # set aside in any case, so that domains can be added later
    share, most = settings.choose_share, settings.choose_most
    domains = {name: replace(whole, choose=share) for name, whole in domains.items()}
    general = {
        name: replace(whole, choose=min(share, most / max(len(whole.groups), 1))) for name, whole in general.items()
    }
    split = _Split((*general.values(), *domains.values()), config.seed, report)
    data = CustomizeData(
        {name: split.parts(f"the general set {name}", whole) for name, whole in general.items()},
        {name: split.parts(A_DOMAIN + name, whole) for name, whole in domains.items()},
        split.parts("instruction.data", _Whole(instruction)).train,
    )
    for what, parts in data.sets.items():
        _check_comparisons(what, parts, measured=bool(domains))
    _check_leaks(data, Path(config.out))
    return data


def _read(files: Sequence[str], stage: Stage, report: Report) -> list[Group]:
    return Sources(files, **stage.reading, merge=True).read(report.line)


def _general(settings: General, report: Report) -> dict[str, _Whole]:
    return {
        name: _whole(
            _read(files, settings, report),
            _read(settings.eval_data.get(name, ()), settings, report),
            settings.eval_share,
        )
        for name, files in settings.data.items()
    }


def _domains(settings: Domains, report: Report) -> dict[str, _Whole]:
    for name in settings.data if isinstance(settings.data, Mapping) else ():
        domain_folder("", name)  # refuses names that have a meaning of their own
    found = _by_domain(settings.data, settings, report)
    tests = _by_domain(settings.eval_data, settings, report)
    absent = [name for name in settings.only if name not in found]
    if absent:
        known = ", ".join(found) or "no domain"
        raise ConfigError(f"domains.only names {', '.join(absent)}, and the data have {known}")
    names = settings.only or tuple(found)
    if settings.eval_data:
        absent = [name for name in names if name not in tests]
        if absent:
            raise ConfigError(f"domains.eval_data has nothing for {', '.join(absent)}; add that, or leave it all out")
    if not names:
        raise ConfigError("domains.data holds no groups, so that there is no domain to customise for; name other files")
    for name in names:
        domain_folder("", name)
    return {name: _whole(found[name], tests.get(name, []), settings.eval_share) for name in names}


def _by_domain(
    files: Mapping[str, Sequence[str]] | Sequence[str], settings: Domains, report: Report
) -> dict[str, list[Group]]:
    """The groups of each domain; where groups have none, the criterion of a comparison is its domain."""
    if not isinstance(files, Mapping):
        found = divided(_read(files, settings, report))
        nameless = found.pop(None, [])
        silent = [group for group in nameless if not group.comparisons]  # such as a row of the same answer throughout
        if silent and settings.skip_bad:
            report.line(f"left out {_count(silent)} of {', '.join(files)}, which compare no two responses")
            nameless = [group for group in nameless if group.comparisons]
        elif silent:
            raise ConfigError(
                f"{_count(silent)} of {', '.join(files)} compare no two responses, such as that with the prompt "
                f"{shown(silent[0].prompt_text)}; leave them out with skip_bad, or give their domain"
            )
        if nameless:
            raise ConfigError(
                f"{len(nameless)} groups of {', '.join(files)} have no domain, such as that with the prompt "
                f"{shown(nameless[0].prompt_text)}; name the files by domain, domains.data: {{NAME: FILE}}"
            )
        return {name: groups for name, groups in found.items() if name is not None}
    return {name: _of_domain(name, _read(given, settings, report), given, report) for name, given in files.items()}


def _count(groups: Sequence[Group]) -> str:
    return "1 group" if len(groups) == 1 else f"{len(groups):,} groups"


def divided(groups: Iterable[Group]) -> dict[str | None, list[Group]]:
    """Groups by domain; a group without one is divided by the criteria of its comparisons."""
    found: dict[str | None, list[Group]] = defaultdict(list)
    for group in groups:
        if group.domain is not None or not group.comparisons:
            found[group.domain].append(group)
            continue
        judged: dict[str | None, list[Comparison]] = defaultdict(list)
        for comparison in group.comparisons:
            judged[group.domain_of(comparison)].append(comparison)
        for domain, comparisons in judged.items():
            found[domain].append(replace(group, domain=domain, comparisons=tuple(comparisons)))
    return dict(found)


def _of_domain(name: str, groups: Sequence[Group], files: Sequence[str], report: Report) -> list[Group]:
    """What files given for one domain hold for it: the groups that carry its name, or else all that carry none. Where
    the criteria of comparisons are domains, one of them being the name, the comparisons of that criterion."""
    domains = list(dict.fromkeys(group.domain for group in groups if group.domain is not None))
    if domains:
        found = [group for group in groups if group.domain == name or (group.domain is None and domains == [name])]
    else:
        criteria = {comparison.criterion for group in groups for comparison in group.comparisons}
        is_divided = name in criteria or any(map(_prefers_its_own, groups))
        domains = sorted(name for name in criteria if name is not None) if is_divided else []
        found = divided(groups).get(name, []) if is_divided else list(groups)
    if groups and not found:
        known = ", ".join(domains)
        raise ConfigError(f"{', '.join(files)} is given for the domain {name}, and holds the domains {known}")
    if len(found) < len(groups):
        report.line(f"{len(groups) - len(found):,} of {len(groups):,} groups of {', '.join(files)} are not of {name}")
    return found


def _prefers_its_own(group: Group) -> bool:
    """Whether responses are named after domains, each of which judges in its own favour (the DSP form)."""
    criteria = {comparison.criterion for comparison in group.comparisons}
    return bool(criteria) and criteria <= {*group.sources} - {None}


def _whole(groups: Sequence[Group], test: Sequence[Group], eval_share: float) -> _Whole:
    return _Whole(groups, test, 0.0 if test else eval_share)


class _Split:
    """Splits sets by prompt, so that what one holds out no other is trained on or chosen by.

    A prompt lies at some u in [0, 1) by its hash, and a set holds out those below its own share. Where another set that
    has the prompt holds out a larger share t, it is left out of this one below t, and split above t as in the other.
    Above t, in the same way, no set is trained on what another one chooses by; stage 1 alone is.
    """

    def __init__(self, sets: Iterable[_Whole], seed: int, report: Report) -> None:
        self.seed = seed
        self.report = report
        self.held_out: dict[str, float] = defaultdict(float)  # the largest share of the sets with a prompt
        self.choose: dict[str, float] = defaultdict(float)
        for whole in sets:
            for group in whole.groups:
                key = prompt_key(group)
                self.held_out[key] = max(self.held_out[key], whole.share)
                self.choose[key] = max(self.choose[key], whole.choose)

    def parts(self, what: str, whole: _Whole) -> Parts:
        """Those of a set."""
        found: dict[str, list[Group]] = {"test": [], "tested": [], "choose": [], "chosen by": [], "train": []}
        for group in whole.groups:
            key = prompt_key(group)
            held_out, chosen_by = self.held_out[key], self.choose[key] if whole.choose else 0.0
            shares = {
                "test": whole.share,
                "tested": held_out - whole.share,
                "choose": whole.choose * (1 - held_out),
                "chosen by": (chosen_by - whole.choose) * (1 - held_out),
                "train": (1 - chosen_by) * (1 - held_out),
            }
            found[split_part(group, shares, self.seed)].append(group)
        left_out = len(found["tested"]) + len(found["chosen by"])
        if left_out:
            self.report.line(
                f"{left_out:,} of {len(whole.groups):,} groups of {what} are left out, for another set is tested on "
                "their prompts, or its model chosen by them"
            )
        return Parts(found["train"], found["choose"], whole.test or found["test"])


def _check_comparisons(what: str, parts: Parts, measured: bool) -> None:
    if not any(group.comparisons for part in (parts.train, parts.choose, parts.test) for group in part):
        raise ConfigError(
            f"{what} has no comparisons to learn from and measure by; give it some, or derive them from ratings with "
            "pairs_from_ratings"
        )
    if not measured:
        return
    needed = {"train on": parts.train, "choose a checkpoint by": parts.choose, "test on": parts.test}
    for purpose, groups in needed.items():
        if not any(group.comparisons for group in groups):
            raise ConfigError(
                f"{what} has no comparisons left to {purpose}; give it more, or change eval_share and choose_share"
            )
        if groups is not parts.train and not any(map(_is_decided, groups)):
            raise ConfigError(
                f"{what} has only ties left to {purpose}, on which no model is right or wrong; give it pairs with a "
                "majority, or change eval_share and choose_share"
            )


def _is_decided(group: Group) -> bool:
    """Whether a majority prefers one of two responses, somewhere in the group."""
    return bool(group.comparisons) and bool((group_judgments(group).share != 0.5).any())


def _check_leaks(data: CustomizeData, out: Path) -> None:
    """Refuse a prompt that is tested on and also trained on or chosen by, wherever."""
    used = {what: {prompt_key(group) for group in (*parts.train, *parts.choose)} for what, parts in data.sets.items()}
    used["instruction.data"] = {prompt_key(group) for group in data.instruction}
    for tested, parts in data.sets.items():
        prompts = {prompt_key(group) for group in parts.test}
        for what, known in used.items():
            shared = sorted(prompts & known)
            if shared:
                raise LeakError(_leak(tested, what, shared, out), shared)


def _leak(tested: str, what: str, shared: Sequence[str], out: Path) -> str:
    listed = "; ".join(shown(prompt) for prompt in shared[:_MOST_LISTED])
    if len(shared) > _MOST_LISTED:
        path = out / "leaks.json"
        write_json(path, shared)
        listed += f"; and {len(shared) - _MOST_LISTED} more, listed in {path}"
    return (
        f"{len(shared)} prompts are in the test set of {tested} and also trained on or chosen by in {what}, so that "
        f"accuracies on them would say nothing; take them out of one: {listed}"
    )

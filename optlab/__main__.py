"""The lab from a terminal: `python -m optlab claims`, `python -m optlab data cifar10`."""

import argparse
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from optlab import Card, Claims, Record, cards
from optlab.card import Setting
from optlab.sweeps import metered
from optlab.tasks.larger import SOURCES, fetch


def main(arguments: list[str] | None = None) -> None:
    """Carry out what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m optlab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    claims = commands.add_parser("claims", help="list the claim cards, or run them")
    claims.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(cards)}")
    claims.add_argument("--all", action="store_true", help="run all cards")
    claims.add_argument("--seeds", type=int, help="number of seeds (default: the card's own)")
    claims.add_argument(
        "--scale",
        default="laptop",
        choices=("laptop", "gpu"),
        help="gpu: larger networks on a GPU (default: laptop)",
    )
    claims.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler that computes")
    claims.add_argument("--page", type=Path, metavar="FILE", help="write a page of the results")
    claims.add_argument("--record", action="store_true", help="keep the runs with the book")
    claims.add_argument(
        "--rebind",
        action="store_true",
        help="bind the book's record to code that only changed its words, by making runs again",
    )
    claims.set_defaults(run=run_claims)

    data = commands.add_parser("data", help="download a larger data set")
    data.add_argument("name", choices=SOURCES)
    data.set_defaults(run=lambda given: print(f"{given.name} lies in {fetch(given.name)}"))

    given = parser.parse_args(arguments)
    try:
        given.run(given)
    except (KeyError, ValueError, OSError, ImportError) as error:
        parser.error(str(error.args[0]) if isinstance(error, KeyError) else str(error))


def run_claims(given: argparse.Namespace) -> None:
    """List the cards; or run some, print each as it is done, and write a page."""
    if given.all and given.names:
        raise ValueError("give names or --all, not both")
    chosen = [cards[name] for name in (cards if given.all else given.names)]
    if not chosen:
        if given.page or given.record or given.rebind:
            raise ValueError("which cards? Give their names, or --all")
        print("\n".join(f"{name}: {card.claim}" for name, card in cards.items()))
        return
    if given.record and given.rebind:
        raise ValueError("--record trains anew, --rebind keeps the runs: give one of them")
    bound = given.record or given.rebind
    if bound and (given.seeds is not None or given.scale != "laptop"):
        raise ValueError("a record has the card's own protocol: leave --seeds and --scale out")
    if given.rebind and given.all:
        chosen = [card for card in chosen if Record.read(card.name)]
    for card in chosen if bound else ():
        if card.kept_with:
            raise ValueError(
                f"{card.name} has its runs in the record of {card.kept_with}: record that one"
            )
    if given.page and not given.page.resolve().parent.is_dir():
        raise ValueError(f"--page {given.page}: there is no folder {given.page.parent}")
    if given.page and given.page.is_dir():
        raise ValueError(f"--page {given.page}: this is a folder; give the name of a file in it")
    if given.rebind:
        for card in chosen:
            print(
                f"{card.name}: {Record.rebind(card.name, partial(_anew, _group(card)))}", flush=True
            )
        return
    results = []
    with cluster(given.scheduler) as client:
        for card in chosen:
            with metered() as meter:
                for each in _group(card) if given.record else [card]:
                    results.append(each.run(given.seeds, given.scale, client, fresh=True))
                    print(results[-1], end="\n\n\n", flush=True)
            if given.record:
                print(f"recorded in {Record.write(card.name, meter)}\n")
    if given.page:
        given.page.write_text(Claims(results).page(), "utf-8")
        print(f"{given.page} written")


def _group(card: Card) -> list[Card]:
    """A card, and those whose runs its record has too."""
    return [card, *(other for other in cards.values() if other.kept_with == card.name)]


def _anew(group: list[Card]) -> None:
    """Have all studies evaluated."""
    for card in group:
        card.study.run(Setting(card.study.seeds))


def cluster(scheduler: str | None) -> AbstractContextManager[Any]:
    """A client of the Dask scheduler at this address, closed at the end; None without one."""
    if not scheduler:
        return nullcontext()
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise ModuleNotFoundError('--scheduler needs Dask: pip install "optlib[cluster]"') from None
    return Client(scheduler)


if __name__ == "__main__":
    main()

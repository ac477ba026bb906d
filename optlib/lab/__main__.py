"""Run claim cards from a terminal: `python -m optlib.lab momentum-faster --seeds 100`."""

import argparse

from optlib.lab import cards


def main(arguments: list[str] | None = None) -> None:
    """Run the named cards and print them; without a name, print what each one claims."""
    parser = argparse.ArgumentParser(prog="python -m optlib.lab", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(cards)}")
    parser.add_argument("--seeds", type=int, help="number of seeds (default: the card's own)")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    given = parser.parse_args(arguments)
    if not given.names:
        print("\n".join(f"{name}: {card.claim}" for name, card in cards.items()))
    for name in given.names:
        try:
            print(cards[name].run(given.seeds, given.device))
        except (KeyError, ValueError) as error:
            parser.error(str(error.args[0]))


if __name__ == "__main__":
    main()

"""Makes sure, after `make test`, that tests of every kind ran and that the pages have content."""

import sys
from xml.etree import ElementTree

from tools.build import empty_pages
from tools.execution import ROOT

KINDS = ("unit", "outputs", "browser")


def main() -> int:
    faults = [f"missing or empty: {page}" for page in empty_pages()]
    for kind in KINDS:
        suite = ElementTree.parse(ROOT / f"_build/tests/{kind}.xml").getroot()[0]
        skipped, total = int(suite.attrib["skipped"]), int(suite.attrib["tests"])
        print(f"{kind}: {total - skipped} tests ran, {skipped} were skipped")
        if total == skipped:
            faults.append(f"no {kind} test ran")
        if kind == "outputs":
            continue  # a cell is skipped by a tag, and the unit tests ask each tag for its reason
        for case in suite.iter("testcase"):
            for reason in case.iter("skipped"):
                faults.append(f"skipped: {case.attrib['name']}: {reason.attrib.get('message')}")
    print(*faults, sep="\n", file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())

"""Studies whose numbers cannot answer: they are shown, and no verdict is."""

import pytest

from optlab import cards
from optlab.card import Setting, Verdict
from optlab.claims.withdrawn import withdrawn
from optlab.studies.untested import Untested

UNTESTED = {name: card for name, card in cards.items() if isinstance(card.study, Untested)}


@pytest.mark.parametrize("name", UNTESTED)
def test_the_numbers_are_those_of_the_study_and_the_verdict_is_not(name) -> None:
    card = UNTESTED[name]
    result = card.run()
    assert result.verdict is Verdict.NOT_TESTED
    setting = Setting(card.study.seeds)
    assert card.study.protocol(setting) == card.study.study.protocol(setting)
    assert result.evidence.finding and result.evidence.table.rows


@pytest.mark.parametrize("name", UNTESTED)
def test_the_card_says_why_and_what_it_would_take(name) -> None:
    study = UNTESTED[name].study
    assert study.reason in study.verdict_rule and study.needed in study.verdict_rule
    assert "not tested" in study.verdict_rule


def test_what_was_withdrawn_is_told_with_the_verdict_of_today() -> None:
    table = withdrawn()
    assert {row[0] for row in table.rows} >= set(UNTESTED)
    for name, before, _, now in table.rows:
        assert before in set(Verdict)
        assert now == cards[name].run().verdict
    assert all(name in repr(table) and name in table._repr_html_() for name, *_ in table.rows)

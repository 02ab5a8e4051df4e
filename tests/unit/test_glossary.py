"""The words of the house: defined once, and used as they are defined."""

from __future__ import annotations

from labkit.course import glossary


def test_there_are_enough_words_and_each_says_something():
    found = glossary.terms()

    assert len(found) >= 45
    for term in found.values():
        assert 20 <= len(term.text) <= 400, term.term
        assert term.text.endswith("."), term.term


def test_terms_stand_in_the_order_of_the_alphabet():
    names = list(glossary.terms())

    assert names == sorted(names, key=str.casefold)
    assert len({name.casefold() for name in names}) == len(names)


def test_every_reference_leads_to_a_term_and_none_to_itself():
    found = glossary.terms()

    for term in found.values():
        assert set(term.see) <= found.keys(), term.term
        assert term.term not in term.see


def test_the_two_epsilons_are_told_apart():
    found = glossary.terms()

    assert "differential privacy" in found["epsilon"].text
    assert "privacy_epsilon" in found["differential privacy"].text

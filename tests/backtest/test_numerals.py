"""How numbers are written."""

import math

import pytest

from backtest.numerals import brief, decimal, percent, probability, reais, whole


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1234567.891, 2, "1\u202f234\u202f567,89"),
        (-0.004, 2, "0,00"),  # no minus before a zero
        (-1234.5, 1, "−1\u202f234,5"),
        (0, 0, "0"),
        (-10, 0, "−10"),
        (None, 2, "–"),
        (math.nan, 2, "–"),
        (-math.inf, 2, "–"),
    ],
)
def test_decimal(value, digits, text):
    assert decimal(value, digits) == text


def test_money_has_its_sign_before_the_currency():
    assert reais(-1234.5) == "−R$\u00a01\u202f234,50"
    assert reais(12.0, 0) == "R$\u00a012"
    assert reais(None) == "–"


def test_percent_is_of_a_fraction():
    assert percent(0.034) == "3,4\u202f%"
    assert percent(-0.5, 0) == "−50\u202f%"
    assert percent(math.nan) == "–"


def test_counts_have_no_decimals():
    assert whole(1200) == "1\u202f200"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0,000"), (4e-7, "< 0,001"), (0.9496, "0,950"), (0.9999, "> 0,999"), (1.0, "1,000"), (None, "–")],
)
def test_an_uncertain_probability_never_reads_as_certain(value, text):
    assert probability(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100, "100"),
        (0.05, "0,05"),
        (0.14159, "0,1416"),
        (38.4, "38,4"),
        (-6.2979, "−6,2979"),
        (3e-6, "< 0,0001"),
        (-3e-6, "> −0,0001"),
        (0.0, "0"),
        (None, "–"),
        (math.inf, "–"),
    ],
)
def test_a_number_is_as_short_as_it_can_be(value, text):
    assert brief(value) == text

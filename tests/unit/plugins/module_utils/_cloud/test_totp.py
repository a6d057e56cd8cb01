# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import time
from email.utils import formatdate

import pyotp
import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud import totp as _totp
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import ServerClock
from hypothesis import given
from hypothesis import strategies as st

RFC_SEED = base64.b32encode(b"12345678901234567890").decode()
SEED = "JBSWY3DPEHPK3PXP"

RFC_CODES = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]


@pytest.mark.parametrize(("moment", "digits"), RFC_CODES)
def test_codes_are_the_last_six_digits_of_the_vectors_of_rfc_6238(moment, digits):
    assert _totp.totp(RFC_SEED, moment) == digits[-6:]


@given(st.binary(min_size=14, max_size=40), st.integers(0, 2**37))
def test_codes_agree_with_pyotp(key, moment):
    seed = base64.b32encode(key).decode()
    code = _totp.totp(seed, moment)
    assert code == pyotp.TOTP(seed.rstrip("=")).at(moment)
    assert len(code) == 6


@given(st.binary(min_size=1, max_size=40), st.integers(0, 5), st.booleans())
def test_seed_survives_spaces_hyphens_lower_case_and_missing_padding(key, gap, lower):
    seed = base64.b32encode(key).decode()
    written = seed.rstrip("=")
    written = written.lower() if lower else written
    written = f" {written[:gap]}-{written[gap:]}\n" if gap else written
    assert _totp.decode_seed(written) == key == _totp.decode_seed(seed)


@pytest.mark.parametrize(
    "seed", ["", " ", "====", "JBSWY3DPEHPK3PX1", "JBSWY3DPEHPK3PX0", "JBSWY3DP!HPK3PXP", "A", "JBSWY3DPEHPK3PXÄ", "JBS"]
)
def test_seed_that_is_not_base32_is_refused_by_the_options_name_and_not_shown(seed):
    with pytest.raises(OptionError) as caught:
        _totp.decode_seed(seed, "my_option")
    assert str(caught.value).startswith("my_option is not a base32 seed")
    assert len(seed.strip(" =")) < 4 or seed not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.text(max_size=30))
def test_any_text_is_a_seed_or_an_option_error(text):
    try:
        key = _totp.decode_seed(text)
    except OptionError:
        return
    assert key


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "１２３４５６", " 12345", "12345\n", "123456\n", "-12345"])
def test_code_that_is_not_six_ascii_digits_is_refused_without_being_shown(code):
    with pytest.raises(OptionError, match="my_option must be a string of exactly six digits") as caught:
        _totp.check_code(code, "my_option")
    assert not code.strip() or code.strip() not in str(caught.value)


def test_code_keeps_its_leading_zeros():
    assert _totp.check_code("000042", "x") == "000042"
    assert _totp.totp(RFC_SEED, 1111111109) == "081804"


@given(st.integers(30, 2**40))
def test_pair_is_the_previous_and_the_current_code(moment):
    key = _totp.decode_seed(SEED)
    assert _totp.consecutive_pair(key, moment) == (_totp.totp(SEED, moment - 30), _totp.totp(SEED, moment))


@pytest.mark.parametrize(
    ("into", "uncertainty", "wait"),
    [
        (0.0, 0.0, 0.0),
        (15.0, 0.0, 0.0),
        (27.0, 0.0, 0.0),
        (27.001, 0.0, 2.999),
        (29.5, 0.0, 0.5),
        (29.5, 0.6, 1.1),
        (0.0, 0.6, 0.6),
        (0.5, 0.6, 0.1),
        (0.7, 0.6, 0.0),
        (10.0, 0.6, 0.0),
    ],
)
def test_code_waits_near_a_steps_end_and_while_the_server_may_be_a_step_behind(into, uncertainty, wait):
    assert _totp.seconds_until_safe(1_700_000_010 - 1_700_000_010 % 30 + into, uncertainty) == pytest.approx(wait, abs=1e-6)


@given(st.floats(0, 1e9), st.floats(0, 2))
def test_after_the_wait_the_moment_is_safe(moment, uncertainty):
    wait = _totp.seconds_until_safe(moment, uncertainty)
    assert 0.0 <= wait <= _totp.GUARD + uncertainty
    assert _totp.seconds_until_safe(moment + wait + 1e-5, uncertainty) <= 2e-5 or (moment + wait + 1e-5) % 30 > 27


def http_date(moment):
    return formatdate(moment, usegmt=True)


def test_clock_that_saw_no_answer_shows_the_local_time():
    clock = ServerClock(local=lambda: 1000.0)
    assert (clock.known, clock.offset, clock.uncertainty, clock.now()) == (False, 0.0, 0.0, 1000.0)


def test_one_date_header_tells_the_time_to_half_a_second_and_the_journey():
    clock = ServerClock(local=lambda: 1000.0)
    clock.observe(http_date(1060), sent=999.8, received=1000.0)
    assert clock.known
    assert clock.uncertainty == pytest.approx(0.6)
    assert clock.now() == pytest.approx(1060.6)


def test_further_date_headers_narrow_the_clock():
    # The server is 60.4 s ahead: its header turns over at x.6 of the local clock.
    clock = ServerClock(local=lambda: 1000.0)
    for moment in (1000.0, 1000.3, 1000.5, 1000.7, 1000.9):
        clock.observe(http_date(int(moment + 60.4)), sent=moment, received=moment + 0.01)
    assert clock.uncertainty < 0.2
    assert abs(clock.offset - 60.4) <= clock.uncertainty


@given(st.floats(-500, 500), st.lists(st.tuples(st.floats(0, 100), st.floats(0, 3), st.floats(0, 1)), min_size=1, max_size=10))
def test_truth_stays_within_the_uncertainty(offset, answers):
    clock = ServerClock(local=lambda: 0.0)
    for sent, journey, share in answers:
        shown = int(1e6 + sent + journey * share + offset)
        clock.observe(http_date(shown), sent=1e6 + sent, received=1e6 + sent + journey)
    assert abs(clock.offset - offset) <= clock.uncertainty + 1e-6
    assert clock.uncertainty <= 2.0


def test_clock_that_was_set_meanwhile_is_believed_anew():
    clock = ServerClock(local=lambda: 1000.0)
    clock.observe(http_date(1000), sent=1000.0, received=1000.0)
    clock.observe(http_date(1300), sent=1000.0, received=1000.0)
    assert clock.offset == pytest.approx(300.5)


@pytest.fixture
def far_east(monkeypatch):
    monkeypatch.setenv("TZ", "UTC-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", [" GMT", " +0000", " -0000", ""])
def test_date_header_is_no_local_time(far_east, zone):
    clock = ServerClock(local=lambda: 1000.0)
    clock.observe(f"Thu, 01 Jan 1970 00:17:40{zone}", sent=1000.0, received=1000.0)
    assert clock.offset == pytest.approx(60.5)


def test_date_header_may_name_another_zone():
    clock = ServerClock(local=lambda: 1000.0)
    clock.observe("Thu, 01 Jan 1970 02:17:40 +0200", sent=1000.0, received=1000.0)
    assert clock.offset == pytest.approx(60.5)


def test_date_headers_right_before_and_after_a_second_begins_tell_the_time_exactly():
    clock = ServerClock(local=lambda: 1000.0)
    clock.observe(http_date(1000), sent=1000.0, received=1000.0)
    clock.observe(http_date(1001), sent=1000.0, received=1000.0)
    assert (clock.offset, clock.uncertainty) == (1.0, 0.0)


@pytest.mark.parametrize(
    "date",
    [
        *(None, "", "yesterday", "0", "\x00", "Thu, 99 Foo 2026 99:99:99 GMT"),
        *("Thu, 01 Jan 99999 00:00:00 GMT", "Thu, 01 Jan 99999999999999 00:00:00 GMT"),
    ],
)
def test_unreadable_date_header_is_passed_over(date):
    clock = ServerClock(local=lambda: 1000.0)
    clock.observe(date, sent=1000.0, received=1000.0)
    assert not clock.known


@given(st.text(max_size=60))
def test_no_date_header_raises(date):
    ServerClock(local=lambda: 1000.0).observe(date, sent=1000.0, received=1000.0)


@given(
    st.integers(-(10**12), 10**12),
    st.integers(-1, 14),
    st.integers(-1, 99999),
    st.tuples(st.integers(-1, 99), st.integers(-1, 99), st.integers(-1, 99)),
    st.sampled_from(["GMT", "", "+9999", "-9999", "+99999999999"]),
)
def test_date_of_any_year_leaves_a_clock_that_codes_can_be_made_for(day, month, year, clock, zone):
    name = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Foo", "")[month % 14]
    server = ServerClock(local=lambda: 1e9)
    server.observe(f"Thu, {day % 40} {name} {year} {clock[0]}:{clock[1]}:{clock[2]} {zone}", sent=1e9, received=1e9)
    assert _totp.consecutive_pair(b"key", server.now())[1] == _totp.totp(base64.b32encode(b"key").decode(), server.now())


@pytest.mark.parametrize("date", ["Thu, 01 Jan 1970 00:00:20 GMT", "Wed, 31 Dec 1969 23:59:59 GMT"])
def test_date_before_the_first_codes_is_passed_over(date):
    clock = ServerClock(local=lambda: 1e9)
    clock.observe(date, sent=1e9, received=1e9)
    assert not clock.known


def test_codes_of_the_first_and_of_far_steps_are_those_of_pyotp():
    for moment in (30, 59, 60, 2**31 - 1, 2**31, 2**32, 253402300799):
        key = b"12345678901234567890"
        first, second = _totp.consecutive_pair(key, moment)
        other = pyotp.TOTP(base64.b32encode(key).decode())
        assert (first, second) == (other.at(moment - 30), other.at(moment))


@pytest.mark.parametrize("code", ["\u0661\u0662\u0663\u0664\u0665\u0666", "\U0001d7ce12345", "12345\u00b2", "12345\u200b", "\u202e123456"])
def test_digits_of_other_scripts_are_no_code(code):
    with pytest.raises(OptionError, match="my_option must be a string of exactly six digits"):
        _totp.check_code(code, "my_option")


@pytest.mark.parametrize("seed", ["ＪＢＳＷＹ３ＤＰ", "JBSWY3DP\x00", "ßßßßßßßß", "ıııııııı", "ſſſſſſſſ"])
def test_seed_with_letters_that_only_look_right_is_refused(seed):
    with pytest.raises(OptionError, match="my_option is not a base32 seed"):
        _totp.decode_seed(seed, "my_option")


@pytest.mark.parametrize(
    "between", [" ", "\u00a0", "\u200b", "\u200d", "\ufeff", "\u2060", "\u00ad", "-", "\u2010", "\u2011", "\u2013", "\u202f", "\n", "\t"]
)
def test_what_stands_between_the_characters_of_a_seed_is_passed_over(between):
    written = between + between.join(SEED[at : at + 4] for at in range(0, len(SEED), 4)).lower() + between
    assert _totp.seed_text(written) == SEED
    assert _totp.decode_seed(written) == _totp.decode_seed(SEED)


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        (SEED + "A", f"no seed has {len(SEED) + 1} characters, so some are missing or too many"),
        ("ABC", "no seed has 3 characters"),
        ("ABCDEF", "no seed has 6 characters"),
        ("ABCDEFG1", "its character 8 is none of them"),
        ("ABCDEFG\u0130", "its character 8 is none of them"),
        ("0BCDEFGH", "its character 1 is none of them"),
        ("ABCD\x00FGH", "its character 5 is none of them"),
        (" - ", "it is empty"),
        ("====", "it is empty"),
        (f"otpauth://totp/a:b?secret={SEED}&issuer=a", "between secret= and the next &"),
        (f" OTPAUTH://totp/?secret={SEED}", "between secret= and the next &"),
    ],
)
def test_what_is_wrong_with_a_seed_is_said_without_showing_it(seed, words):
    with pytest.raises(OptionError) as caught:
        _totp.decode_seed(seed, "seed of ada")
    assert str(caught.value).startswith("seed of ada is ")
    assert words in str(caught.value)
    assert SEED not in str(caught.value)

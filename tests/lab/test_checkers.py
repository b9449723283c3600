"""Answers that are functions, ciphertexts, or must meet conditions: which are accepted, what is said of others."""

import dataclasses
import signal
import sys
import threading
import time

import numpy as np
import phe
import pytest
import tenseal as ts

from he_helpers.lab.exercises.checkers import (
    Case,
    Ciphertexts,
    Condition,
    Conditions,
    Function,
    Numbers,
    Words,
    WrongKind,
)
from he_helpers.parameters import BFVParameters
from he_helpers.schemes.secret import tenseal_bfv


def add(a, b):
    return a + b


ADDING = Function("add", (Case((3, 4), 7), Case((1, 1), 2)), seconds=0.3)
# For what never ends, which does nothing but wait for the limit.
SOON_OVER = dataclasses.replace(ADDING, seconds=0.05)
EXTENDING = Function("extend", (Case(([1],), [1, 5]), Case(([2],), [2, 5])))


def said_of(checker, answer, key=None):
    """What is said of an answer; "" of a right one."""
    try:
        value = checker.read(answer, key)
    except WrongKind as error:
        return str(error)
    return "" if checker.is_right(value) else checker.remark(value)


def loops(a, b):
    while True:
        pass


def loops_and_catches(a, b):
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass


def loops_once_more(a, b):
    try:
        loops(a, b)
    except:  # noqa: E722
        loops(a, b)


def recurses(a, b):
    return recurses(b, a)


def leaves(a, b):
    sys.exit("enough")


def divides(a, b):
    return a / (b - b)


def raises_unreadable(a, b):
    class Unreadable(Exception):
        def __str__(self):
            raise ValueError

    raise Unreadable


def raises_at_length(a, b):
    raise ValueError("word " * 100)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (add, ""),
        (lambda *numbers: sum(numbers), ""),
        (lambda a, b, c=0: a + b + c, ""),
        (np.add, ""),
        (7, "The answer is of the type int, and a function is asked for: write its name without parentheses."),
        (None, "The answer is None, and a function"),
        (lambda a, b: 3 * a + b, "For `add(3, 4)` it gives 13, and 7 is expected."),
        (lambda a, b: 7, "For `add(1, 1)` it gives 7, and 2 is expected."),
        (lambda a, b: [a, b], "For `add(3, 4)` it gives [3, 4], and 7 is expected. This is a list of 2"),
        (lambda a, b: None, "For `add(3, 4)` it gives None back: end it with `return`."),
        (print, "For `add(3, 4)` it prints something and gives None back"),
        (lambda a: a, "It is called with 2 arguments, `add(3, 4)`, and defined as `add(a)`."),
        (lambda a, b, c: a, "and defined as `add(a, b, c)`."),
        (divides, "For `add(3, 4)` it stops with an error: ZeroDivisionError: division by zero."),
        (leaves, "it stops with an error: SystemExit: enough."),
        (recurses, "it stops with an error: RecursionError: maximum recursion depth"),
        (raises_unreadable, "it stops with an error: Unreadable."),
        (raises_at_length, "ValueError: word word"),
    ],
)
def test_what_is_said_of_a_function(answer, said):
    found = said_of(ADDING, answer)
    assert said in found and bool(found) == bool(said) and len(found) < 350


@pytest.mark.parametrize("answer", [loops, loops_and_catches, loops_once_more])
def test_what_is_said_of_a_function_that_does_not_end(answer):
    said = "For `add(3, 4)` it does not come to an end within 0.05 seconds: look at its loops."
    assert said_of(SOON_OVER, answer) == said


def test_a_call_without_arguments_is_written_as_one():
    said = said_of(Function("program", (Case((), 1),)), lambda x: 1)
    assert said == "It is called with no arguments, `program()`, and defined as `program(x)`."


def test_a_result_that_is_a_list_is_explained_as_one():
    ordered = Function("order", (Case(([2, 1],), [1, 2]),))
    assert said_of(ordered, list) == (
        "For `order([2, 1])` it gives [2, 1], and [1, 2] is expected. The numbers are right, and their order is not."
    )


def test_a_result_that_is_a_word_is_said_beside_the_expected_one():
    deciding = Function("decide", (Case((9,), Words(["refuse"], ["approve", "refuse"])),))
    assert said_of(deciding, lambda people: "approve") == (
        "For `decide(9)` it gives 'approve', and 'refuse' is expected."
    )
    assert said_of(deciding, lambda people: []) == "For `decide(9)`: The list is empty."


def test_a_function_that_changes_its_argument_changes_no_declaration():
    def extend(numbers):
        numbers.append(5)
        return numbers

    assert [said_of(EXTENDING, extend) for _ in range(2)] == ["", ""]
    assert EXTENDING.cases[0].arguments == ([1],)


def test_two_functions_are_one_answer_when_they_give_the_same():
    read = ADDING.read
    assert ADDING.are_same(read(lambda a, b: a - b), read(lambda x, y: x - y))
    assert ADDING.are_same(read(divides), read(divides))
    assert not ADDING.are_same(read(lambda a, b: a - b), read(lambda a, b: b - a))
    assert not ADDING.are_same(SOON_OVER.read(loops), read(divides))


def test_the_alarm_and_its_handler_are_as_before():
    rings = []
    before = signal.signal(signal.SIGALRM, lambda *_: rings.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        said_of(SOON_OVER, loops)
        assert not rings
        deadline = time.monotonic() + 5
        while not rings and time.monotonic() < deadline:
            time.sleep(0.01)
        assert rings == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_an_interrupt_by_the_learner_gets_through():
    def interrupted(a, b):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ADDING.read(interrupted)


def test_functions_are_called_in_other_threads_too():
    found = []
    thread = threading.Thread(target=lambda: found.append(said_of(ADDING, add)))
    thread.start()
    thread.join()
    assert found == [""]


TOTAL = Ciphertexts(Numbers([174, 106]))


@pytest.fixture(scope="module")
def context():
    # At 8192 a product of two ciphertexts can still be decrypted.
    context = ts.context(ts.SCHEME_TYPE.BFV, 8192, plain_modulus=1032193)
    context.auto_relin = False
    return context


@pytest.fixture(scope="module")
def paillier():
    return phe.generate_paillier_keypair(n_length=512)


def test_ciphertexts_of_tenseal_are_decrypted_with_the_context(context):
    right = ts.bfv_vector(context, [174, 106])
    assert said_of(TOTAL, right) == said_of(TOTAL, right, context) == ""
    public = context.copy()
    public.make_context_public()
    there = ts.bfv_vector(public, [174, 106])
    assert said_of(TOTAL, there, context) == ""
    assert "cannot be decrypted with the key of this notebook (ValueError" in said_of(TOTAL, there)
    assert said_of(TOTAL, ts.bfv_vector(context, [106, 174])) == (
        "It is encrypted, and decrypts to other numbers. The numbers are right, and their order is not."
    )


def test_a_product_that_is_not_relinearised_is_told(context):
    product = ts.bfv_vector(context, [2]) * ts.bfv_vector(context, [3])
    checker = Ciphertexts(Numbers([6]), relinearised=True)
    assert said_of(checker, product) == "It decrypts to the right numbers and still has 3 parts: relinearise it."
    assert said_of(checker, ts.bfv_vector(context, [6])) == said_of(Ciphertexts(Numbers([6])), product) == ""
    assert not checker.are_same(checker.read(product), checker.read(ts.bfv_vector(context, [6])))


def test_ciphertexts_of_phe_are_decrypted_with_its_private_key(paillier):
    public, private = paillier
    one = Ciphertexts(Numbers(5))
    assert said_of(one, public.encrypt(5), private) == ""
    assert "decrypts to other numbers. The number is too large" in said_of(one, public.encrypt(6), private)
    two = Ciphertexts(Numbers([5, 6]))
    pair = [public.encrypt(5), public.encrypt(6)]
    assert said_of(two, pair, private) == said_of(two, np.array(pair), private) == ""
    assert "a list of 2 numbers is asked for" in said_of(two, pair[0], private)
    stranger, _ = phe.generate_paillier_keypair(n_length=512)
    assert "cannot be decrypted with the key of this notebook (ValueError" in said_of(one, stranger.encrypt(5), private)


def test_ciphertexts_of_this_course_are_decrypted_with_its_secret_key():
    keys = tenseal_bfv(BFVParameters()).generate_keys()
    encrypted = keys.public.encrypt([174, 106])
    assert said_of(TOTAL, encrypted, keys.secret) == ""
    assert "still" not in said_of(TOTAL, encrypted + encrypted, keys.secret)
    assert "too large" in said_of(TOTAL, encrypted + encrypted, keys.secret)


def test_ciphertexts_made_by_hand_are_decrypted_with_a_function():
    by_hand = Ciphertexts(Numbers(5))

    def decrypt(ciphertext):
        return ciphertext % 10

    assert said_of(by_hand, 35, decrypt) == ""
    assert "The number is too large" in said_of(by_hand, 36, decrypt)
    assert "(TypeError" in said_of(by_hand, "35", decrypt)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([174, 106], "These are the right numbers in the clear: give the ciphertext, before it is decrypted."),
        ([174, 107], "This is not encrypted: a ciphertext is asked for."),
        ([], "This is not encrypted"),
        ("abc", "The answer is of the type str, and a ciphertext is asked for."),
        (None, "The answer is None, and a ciphertext"),
        (ts.BFVVector, "The answer is of the type"),
    ],
)
def test_what_is_not_encrypted_is_told(context, answer, said):
    assert said_of(TOTAL, answer, context).startswith(said)


def test_conditions_are_looked_at_in_order_until_one_is_not_met():
    asked = Conditions(
        "a list",
        (
            Condition("It is empty.", lambda numbers: len(numbers) > 0),
            Condition("It begins with another number than 1.", lambda numbers: numbers[0] == 1),
        ),
    )
    assert [said_of(asked, answer) for answer in ([1], [], [2])] == [
        "",
        "It is empty.",
        "It begins with another number than 1.",
    ]
    assert said_of(asked, 7) == (
        "The answer is of the type int, and a list is asked for (TypeError: object of type 'int' has no len())."
    )
    assert asked.are_same(asked.read([2]), asked.read([3])) and not asked.are_same(asked.read([2]), asked.read([]))

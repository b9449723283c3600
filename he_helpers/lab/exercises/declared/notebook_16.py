"""The exercises of notebook 16, "Pack numbers"."""

from he_helpers.lab.exercises.checkers import Case, Function, Numbers
from he_helpers.lab.exercises.exercise import Exercise, Wrong


def _lanes(amounts, bits):
    return sum(amount << place * bits for place, amount in enumerate(amounts))


def _in_48_bits(amounts):
    return _lanes(amounts, 48)


def _in_wider_lanes(outcomes):
    packed = outcomes[0].value
    wider = [(_lanes([1, 2, 3, 4], bits),) for bits in range(29, 65)]
    return packed is not None and packed.entries in wider


def _wide_enough_for_an_amount(amounts):
    return _lanes(amounts, 18)


def _one_bit_too_narrow(amounts):
    return _lanes(amounts, 27)


def _last_one_lowest(amounts):
    return _lanes(amounts[::-1], 28)


def _from_the_second_lane(amounts):
    return _lanes([0, *amounts], 28)


EXERCISES = (
    Exercise(
        id="16-1",
        level="predict",
        prompt="""
            Two wrong numbers, and no error. 70,000 does not fit, and its *carry* goes into the neighbour: as in school,
            when 7 and 5 give 2 and carry 1. Neither phe nor the server can notice, since the integer as a whole is
            right. So a lane must hold the largest *sum*, not the largest amount, and whoever encrypts must know how
            many rows will be added.

            Somebody packs a correction that is negative: `-5 + 7 * 2**16`. Added to it is `3 + 2 * 2**16`. What does
            `take_apart` give for the two lanes of 16 bits?
        """,
        hint="""
            The integer is right: it is $-2 + 9 \\cdot 2^{16}$. A lane, though, holds digits from 0 to 65,535. Write the
            integer as such digits: what is taken from the second lane?
        """,
        wanted="the list of the two numbers, the lower lane first,",
        name="lanes_with_a_negative",
        checker=Numbers([65534, 8]),
        wrong=(
            Wrong([-2, 9], "So it should be. Can a lane hold a number below zero?"),
            Wrong([65534, 9], "The first lane is right. Where has it *borrowed* the 65,536?"),
            Wrong([-2, 8], "The second lane is right. A lane holds a remainder, from 0 to 65,535."),
            Wrong([65535, 8], "2 below 65,536: count once more."),
            Wrong([2, 9], "The sign is lost. The integer in the lanes is $-2 + 9 \\cdot 2^{16}$."),
        ),
        given="""
            def take_apart(number, bits, count):
                width = 2**bits
                return [number // width**place % width for place in range(count)]
        """,
        solution="""
            total = (-5 + 7 * 2**16) + (3 + 2 * 2**16)
            solution = take_apart(total, bits=16, count=2)
        """,
        because="A negative number borrows from its neighbour. Add a constant to each amount that makes all of them "
        "positive, and take it off the sums.",
    ),
    Exercise(
        id="16-2",
        level="write",
        prompt="""
            Write `pack(amounts)`: four amounts from 0 to 150,000 become one integer, the first one in the lowest lane.
            Sums of **1,000 rows** shall fit. Make the lanes as narrow as that allows.
        """,
        hint="""
            What is the largest sum of 1,000 amounts, and how many bits has it (`int.bit_length`)? Multiply each amount
            by the power of two where its lane begins.
        """,
        wanted="`pack`",
        name="narrowest_packing",
        checker=Function(
            "pack",
            (
                Case(([1, 2, 3, 4],), _lanes([1, 2, 3, 4], 28)),
                Case(([150000, 0, 0, 150000],), _lanes([150000, 0, 0, 150000], 28)),
                Case(([0, 0, 0, 0],), 0),
            ),
        ),
        wrong=(
            Wrong(
                _in_48_bits,
                "The sums fit, and each lane has bits that stay empty. How many bits has the largest sum?",
                when=_in_wider_lanes,
            ),
            Wrong(
                _wide_enough_for_an_amount,
                "In 18 bits one amount fits. What becomes of the sum of 1,000 of them?",
            ),
            Wrong(_one_bit_too_narrow, "$2^{27}$ is 134,217,728. Compare the largest sum with it."),
            Wrong(_last_one_lowest, "The first amount belongs in the lowest lane, the last one in the highest."),
            Wrong(_from_the_second_lane, "The lowest lane stays empty: the first one begins at bit 0."),
        ),
        solution="""
            lane_bits = (1000 * 150000).bit_length()

            def packed_narrowly(amounts):
                packed = 0
                for place, amount in enumerate(amounts):
                    packed += amount * 2 ** (place * lane_bits)
                return packed

            solution = packed_narrowly
        """,
        because="Lanes of 28 bits: 18 for an amount and 10 for 1,000 rows. At 3,072 bits 109 of them fit.",
    ),
    Exercise(
        id="16-3",
        level="predict",
        prompt="""
            Another table has 4,238 persons, 15 numbers each, and one question: the sums by sex. One group has 2,419
            persons, the other 1,819. How many ciphertexts of 4,096 slots does `Aligned` take, and how many with
            `partial_sums=100`?
        """,
        hint="""
            Without parts a ciphertext holds one person of each group. Two groups with 15 numbers take 30 slots: do they
            still fit when each takes 100? How many persons of a group lie in one ciphertext then?
        """,
        wanted="the list of the two numbers of ciphertexts",
        name="ciphertexts_by_sex",
        checker=Numbers([2419, 25]),
        wrong=(
            Wrong([2419, 24], "The last few persons of the larger group need a ciphertext, too."),
            Wrong([4238, 43], "The two groups lie side by side: a ciphertext holds persons of both."),
            Wrong([1819, 19], "The larger group has no room in so few."),
            Wrong([36285, 375], "The 15 numbers lie side by side in one ciphertext."),
            Wrong([2419, 19], "So few it takes with 128 parts. How deep is it with 100?"),
            Wrong([16, 16], "So many would do if every slot were full. Which slots may a person of a group take?"),
        ),
        solution="""
            largest_group = 2419
            with_parts = -(-largest_group // 100)
            solution = [largest_group, with_parts]
        """,
        because="For a few large groups parts are the remedy: 3,000 of 4,096 slots are full in place of 30.",
    ),
    Exercise(
        id="16-4",
        level="think",
        prompt="""
            Slot 0 has 1 + 2 + 3 + 4, slot 4 the sum of the second group. Two rotations serve two groups, or a thousand
            groups. The other slots hold sums that nobody asked for: *leftovers*. Slot 7 shows the last number alone:
            behind it there are zeros. The 4,096 slots are two halves, and each rotates as a circle: what leaves slot 0
            comes back at slot 2,047. So slot 2,045 holds slots 2,045, 2,046, 2,047 and 0: the first number alone.
            Whoever decrypts must drop the leftovers, or the server must hide them.

            Do they tell everything? Suppose that an analyst decrypts the sums of eight payments, four of one branch and
            four of another. In slots 0 to 8 the analyst sees `[1203, 1405, 1770, 1427, 2032, 1520, 880, 803, 0]`.
            Slots 0 and 4 are the answer. Find all eight payments. Slot $i$ holds the sum of four payments, from number
            $i$ on (the first one is number 0), and behind the last payment there is nothing.
        """,
        hint="""
            Begin at the end: slot 7 holds the last payment alone, slot 6 the last two. From slot 3 on to the left,
            compare neighbours: what does slot 3 have that slot 4 has not, and the other way round?
        """,
        wanted="the list of the eight payments, from the first to the last,",
        name="eight_payments",
        checker=Numbers([310, 275, 420, 198, 512, 640, 77, 803]),
        wrong=(
            Wrong([1203, 1405, 1770, 1427, 2032, 1520, 880, 803], "These are the sums; the payments are behind them."),
            Wrong(
                [-202, -365, 343, -605, 512, 640, 77, 803],
                "The second four are right. The difference of two slots has lost the payment four places further on.",
            ),
            Wrong([803, 77, 640, 512, 198, 420, 275, 310], "These are the payments, from the last to the first."),
            Wrong(
                [300.75, 351.25, 442.5, 356.75, 508, 380, 220, 200.75],
                "A quarter of a sum is a mean. The single payments can be had.",
            ),
            Wrong(
                [0, 0, 0, 0, 512, 640, 77, 803],
                "The second four are right. Go on to the left in the same way.",
                when=lambda numbers: len(numbers.entries) == 8 and list(numbers.entries[4:]) == [512, 640, 77, 803],
            ),
        ),
        solution="""
            seen = [1203, 1405, 1770, 1427, 2032, 1520, 880, 803, 0]
            found = [0] * 12
            for slot in range(7, -1, -1):
                found[slot] = seen[slot] - seen[slot + 1] + found[slot + 4]
            solution = found[:8]
        """,
        because="Two slots side by side differ by two payments. Two sums were asked for; the analyst has the table.",
    ),
)

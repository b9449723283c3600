"""The exercises of notebook 04, "Encrypt a table and upload it"."""

from he_helpers.lab.exercises.checkers import Ciphertexts, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_TENSEAL = """
    import tenseal as ts
    context = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193)
"""
_TABLE = """
    from he_helpers import lab
    table = lab.load_table("branch_accounts")
    announced = [["Region"], ["Quarter"], ["Region", "Quarter"], ["Region", "Branch"]]
"""
_TOTALS = Ciphertexts(Numbers([213, 158, 119]))
_GROUPINGS = ("Region", "Quarter", "Region and Quarter", "Region and Branch")

EXERCISES = (
    Exercise(
        id="04-1",
        level="write",
        prompt="""
            Two additions gave both totals: 213 and 158. They would give 4,096 totals as well: a ciphertext has so many
            slots.

            South opened late and has two rows only, 60 and 59. Pack the rows of the three regions, South in slot 2,
            and add the ciphertexts up. Give the encrypted total, not its decryption.
        """,
        hint="""
            Three ciphertexts of three numbers each. What may stand at South's place in the third one, so that South's
            sum stays right?
        """,
        wanted="the ciphertext of the three totals",
        name="three_regions",
        checker=_TOTALS,
        wrong=(
            Wrong(
                Source(
                    """
                    answer = sum(
                        (ts.bfv_vector(context, row) for row in ([68, 55, 59], [74, 51, 60])),
                        ts.bfv_vector(context, [71, 52, 60]),
                    )
                    """
                ),
                "South's total is one row too large: it has two rows, and the third ciphertext needs another number "
                "there.",
                when=lambda value: _TOTALS.decrypts_to(value, [213, 158, 179]),
            ),
            Wrong(
                Source("answer = ts.bfv_vector(context, [213, 158, 60])"),
                "A row of South is missing: 59 belongs to slot 2 of the second ciphertext.",
                when=lambda value: _TOTALS.decrypts_to(value, [213, 158, 60]),
            ),
            Wrong(
                Source("answer = ts.bfv_vector(context, [213, 158])"),
                "These are the totals of two regions. South comes into slot 2 of the same ciphertexts.",
                when=lambda value: _TOTALS.decrypts_to(value, [213, 158]),
            ),
            Wrong(
                Source("answer = ts.bfv_vector(context, [71, 52, 60, 68, 55, 59, 74, 51, 0])"),
                "All rows stand side by side in one ciphertext, and nobody without evaluation keys can add its slots "
                "up.",
                when=lambda value: _TOTALS.decrypts_to(value, [71, 52, 60, 68, 55, 59, 74, 51, 0]),
            ),
            Wrong(
                Source(
                    """
                    answer = ts.bfv_vector(context, [71, 68, 74]) + ts.bfv_vector(context, [52, 55, 51])
                    answer += ts.bfv_vector(context, [60, 59, 0])
                    """
                ),
                "Each ciphertext holds one region, so each slot adds up three regions. Which three numbers belong into "
                "slot 0?",
                when=lambda value: _TOTALS.decrypts_to(value, [183, 182, 125]),
            ),
            Wrong(
                Source("answer = [ts.bfv_vector(context, row) for row in ([71, 52, 60], [68, 55, 59], [74, 51, 0])]"),
                "These are the three ciphertexts, and well packed. What is asked for is their sum.",
                when=lambda value: _TOTALS.decrypts_to(value, [[71, 52, 60], [68, 55, 59], [74, 51, 0]]),
            ),
            Wrong(
                Source("answer = ts.bfv_vector(context, [213, 158, 119]).decrypt()"),
                "These are the right numbers in the clear: give the ciphertext, before it is decrypted.",
            ),
        ),
        given=_TENSEAL,
        key="context",
        solution="""
            packed = [
                ts.bfv_vector(context, [71, 52, 60]),
                ts.bfv_vector(context, [68, 55, 59]),
                ts.bfv_vector(context, [74, 51, 0]),
            ]
            solution = packed[0] + packed[1] + packed[2]
        """,
        because="A zero fills the empty place. It costs nothing, and the server cannot tell it from an amount. A "
        "further "
        "region has cost no further ciphertext.",
    ),
    Exercise(
        id="04-2",
        level="predict",
        prompt="""
            No revenue in the table is above 120,000. It is kept in hundredths. How many such rows may one sum have, so
            that it cannot wrap around in a slot of your key, which shows at most 8,589,877,248, whatever the amounts
            are?
        """,
        hint="""
            How large is the largest revenue as an integer? How often does it fit into the largest number that a slot
            can show?
        """,
        wanted="the number of rows",
        name="most_rows",
        checker=Numbers(715),
        wrong=(
            Wrong(
                1431, "This uses the whole plaintext modulus. The other half of the remainders is for negative numbers."
            ),
            Wrong(716, "One row too many: 716 times the largest revenue is above the limit. Round down."),
            Wrong(71_582, "This counts whole units. What is 120,000 in hundredths?"),
            Wrong(
                715.8,
                "It is a number of whole rows.",
                when=lambda numbers: len(numbers.entries) == 1 and 715 < numbers.entries[0] < 716,
            ),
            Wrong(480, "These are the rows of the table. How many *could* it have?"),
        ),
        solution="solution = 8_589_877_248 // (120_000 * 100)",
        because="The 480 rows of the table fit, even in one sum. With three decimals only 71 rows would.",
    ),
    Exercise(
        id="04-3",
        level="think",
        prompt="""
            No region comes near 85 %, and we take a minimum of 5 branches. An agency of another country demands 10
            contributors behind each sum. Which of the four announced groupings may still be asked? Choose from

            - `Region`,
            - `Quarter`,
            - `Region and Quarter`,
            - `Region and Branch`.

            Count before you answer: `table.groupby(...)["Branch"].nunique()` gives the branches of each group.
        """,
        hint="""
            A grouping is answered as a whole or not at all: what counts is its smallest group. `.min()` of the counts
            gives it.
        """,
        wanted='a list of words, such as `["Region", "Quarter"]`,',
        name="allowed",
        checker=Words(right=("Quarter",), among=_GROUPINGS),
        wrong=(
            Wrong(
                ["Region", "Quarter", "Region and Branch"],
                "A group of one branch has one contributor, however often the branch reports.",
                when=lambda words: "Region and Branch" in words,
            ),
            Wrong(
                ["Region", "Quarter", "Region and Quarter"],
                "How many branches report in the smallest region, in one quarter?",
                when=lambda words: "Region and Quarter" in words,
            ),
            Wrong(
                ["Region", "Quarter"],
                "The smallest region has 64 *rows*. How many branches are they of?",
                when=lambda words: "Region" in words,
            ),
        ),
        given=_TABLE,
        solution="""
            solution = []
            for grouping in announced:
                branches = table.groupby(grouping)["Branch"].nunique()
                if branches.min() >= 10:
                    solution.append(" and ".join(grouping))
        """,
        because="All 60 branches report in each quarter. By region East has 8, so the whole question falls. One could "
        "join "
        "East to another region, as offices do.",
    ),
)

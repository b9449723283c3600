"""The exercises of notebook 19, "Attack the ciphertexts"."""

from he_helpers.lab.exercises.checkers import Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_UNREAD = "unread = ts.ckks_vector(context, (revenues[:3] * [3, -2, 5]).tolist())"
_BEFORE = f"""
    import numpy as np
    import tenseal as ts
    from he_helpers import lab
    attacks = lab.attacks
    accounts = lab.load_table("branch_accounts")
    revenues = np.resize(accounts["Revenue"] / 1000, 2048)
    context = ts.context(ts.SCHEME_TYPE.CKKS, 4096, coeff_mod_bit_sizes=[53, 53])
    context.global_scale = 2**28
    sent = ts.ckks_vector(context, revenues.tolist())
    other = ts.ckks_vector(context, revenues[::-1].tolist())
    def answer(vector, decimals=6):
        return np.round(vector.decrypt(), decimals)
    {_UNREAD}
"""
_READ = [208.215, -142.969, 365.167]
_TOLD = ("numbers", "budget", "refused", "recomputed", "length")

EXERCISES = (
    Exercise(
        id="19-1",
        level="write",
        prompt="""
            With 9 decimals the key is found as before: rounding that is too fine is no rounding. With 7 or 6 this
            attack fails: one wrong coefficient of 4,096 spoils the division. Look at the last column, though. With 6
            decimals the attacker still knows the noise to about ±1, where it should be secret to ±11. The security
            rests on ring learning with errors (notebook 02) with the larger noise. No theorem says that the rest of it
            is enough.

            And often it is not. `answer` rounds to 6 decimals, whatever it is asked. But you choose *what* is computed.
            A ciphertext that is added to itself, ten times in a row, holds each number 1,024 times, and its noise as
            well.

            Ask `answer`, with its 6 decimals, for two sums of your choice. Get the key from the two answers, with
            `attacks.key_from_real` as in the cell above. Read the three numbers in `unread` with it, with
            `attacks.read_with`, and round them to three decimals.
        """,
        hint="""
            `vector = vector + vector` ten times. Divide the answer by 1,024: which decimals of the first number do you
            have now? `attacks.key_from_real` takes the two ciphertexts that fit these numbers.
        """,
        wanted="the list of the three numbers",
        name="numbers_read",
        checker=Numbers(_READ, tolerance=0.002),
        wrong=(
            Wrong(
                [number * 1024 for number in _READ],
                "These are 1,024 times too large: `unread` was not doubled.",
            ),
            Wrong(
                Source("""
                    found = attacks.key_from_real(context, [sent, other], [answer(sent), answer(other)])
                    answer = attacks.read_with(found, context, unread)
                """),
                "This is garbage of another key. Was each ciphertext doubled ten times and each answer divided by "
                "1,024? And do the two ciphertexts that you gave to `key_from_real` fit what is left?",
                when=lambda numbers: numbers.shape == (3,) and any(abs(number) > 2000 for number in numbers.entries),
            ),
            Wrong([69.405, 71.485, 73.033], "These are revenues as in the table. What stands in `unread`?"),
            Wrong([_READ[0]], "That is the first one; `unread` holds three."),
        ),
        given=_BEFORE,
        start=_UNREAD,
        solution="""
            answers = []
            for vector in (sent, other):
                for _ in range(10):
                    vector = vector + vector
                answers.append(answer(vector) / 1024)
            found = attacks.key_from_real(context, [sent, other], answers)
            solution = attacks.read_with(found, context, unread).round(3).tolist()
        """,
        because="Rounding is measured in the unit of the answer, and the asker chooses the unit. A limit on decimals "
        "must be one on what is asked.",
    ),
    Exercise(
        id="19-2",
        level="predict",
        prompt="""
            Rounding and flooding both stopped this attack; only for flooding there is a theorem, about whatever one may
            compute from the answers. And the price? As they come, revenues were right to seven decimals. Flooded with
            $b = 30$, 4,096 of them are right to about 0.1 thousand ($8.8 \\cdot 10^{-2}$), if it is the only answer
            that is ever given; a single number keeps two decimals more. Every answer counts in $k$: whoever floods has
            to count.

            The administrator wants 40 bits of security in place of 30, and wants to give four times as many answers.
            By what factor does the noise of each answer grow?
        """,
        hint="Look at the formula: $b$ stands in an exponent, halved, and $k$ under a root.",
        wanted="the factor",
        name="growth",
        checker=Numbers(64),
        wrong=(
            Wrong(4096, "$b$ is halved in the exponent, and $k$ stands under the root."),
            Wrong(128, "So it is for $b$. Four times as many answers stand under a root."),
            Wrong(32, "That is for $b$ alone. Four times as many answers cost something, too."),
            Wrong(2, "That is for the answers alone. And ten bits more?"),
            Wrong(2048, "The root of 4 is right. And is $b$ not halved?"),
            Wrong(34, "Each of the two is right. In the formula, are they added?"),
            Wrong(6, "Bits: 5 for the security and 1 for the answers. Which factor is that?"),
        ),
        solution="solution = 2 ** ((40 - 30) / 2) * 4**0.5",
        because="Six bits: almost two decimals. Each further factor of a hundred in the answers costs one more.",
    ),
    Exercise(
        id="19-3",
        level="think",
        prompt="""
            A stranger may send ciphertexts of their own making to an administrator, who holds the key. Which of these
            replies, repeated as often as they like, give the key away?

            - `numbers`: the decrypted numbers, exact integers,
            - `budget`: the noise budget alone,
            - `refused`: "refused, this decrypts to something impossible" or "accepted", and nothing else,
            - `recomputed`: "these are not the bytes that I re-computed", said before anything is decrypted,
            - `length`: how many bytes arrived.
        """,
        hint="""
            Which replies depend on $s$? Take the ciphertext with $B$ above, and $B$ so large that noise of $2B$ just
            destroys a message, and $B$ does not.
        """,
        wanted='a list of words, such as `["length"]`,',
        name="giving_away",
        checker=Words(right=_TOLD[:3], among=_TOLD),
        wrong=(
            Wrong(
                ["numbers", "budget"],
                "Both, yes. One bit a reply is slow, and is it nothing? Think of the hint's $B$.",
            ),
            Wrong(
                [*_TOLD[:3], "recomputed"],
                "Who compares bytes uses no key. What could that reply tell of it?",
                when=lambda words: "recomputed" in words,
            ),
            Wrong(
                [*_TOLD[:3], "length"],
                "The length is known to whoever sent it.",
                when=lambda words: "length" in words,
            ),
            Wrong(["budget"], "It does, as you saw. So do replies that tell more, and one that tells less."),
            Wrong(["numbers"], "They do, at once. Which others depend on $s$?"),
        ),
        solution='solution = ["numbers", "budget", "refused"]',
        because="A single bit that depends on the key is enough, asked some thousands of times (a *reaction attack*). "
        "So the comparison comes first, and needs no key.",
    ),
)

"""Plausible mistakes in lab 7."""

from tests.classroom.mistake import Mistake

MISTAKES = (
    Mistake(
        "all branches, and all but one: what is left out is too small",
        {
            "two": """
                def two_answers(ask, branch, names):
                    return ask(set(names)) - ask(set(names) - {branch})
            """
        },
        ("two_check", "two_more"),
    ),
    Mistake(
        "the other five may hold the branch itself",
        {
            "two": """
                def two_answers(ask, branch, names):
                    others = set(names[:5])
                    return ask(others | {branch}) - ask(others)
            """
        },
        ("two_more",),
    ),
    Mistake(
        "three sets, two of which are near",
        {
            "three": """
                def three_answers(ask, branch, names):
                    others = [name for name in names if name != branch]
                    ask(set(others[5:11]))
                    return ask({*others[:5], branch}) - ask(set(others[:5]))
            """
        },
        ("three_check", "three_more"),
    ),
    Mistake(
        "the two sets may hold the branch itself",
        {
            "three": """
                def three_answers(ask, branch, names):
                    first, second = set(names[:5]), set(names[-5:])
                    return ask(first | {branch}) + ask(second) - ask(first | second)
            """
        },
        ("three_more",),
    ),
    Mistake(
        "all or nothing: whether the rank is full",
        {
            "away": """
                def given_away(questions, names):
                    rows = np.array([[float(name in chosen) for name in names] for chosen in questions])
                    return names if np.linalg.matrix_rank(rows) == len(names) else []
            """
        },
        ("away_check", "away_more"),
    ),
    Mistake(
        "pairs alone are subtracted",
        {
            "away": """
                def given_away(questions, names):
                    left = [one - other for one in questions for other in questions if other < one]
                    return [name for name in names if {name} in left or {name} in questions]
            """
        },
        ("away_check", "away_more"),
    ),
    Mistake(
        "no question is not thought of",
        {
            "away": """
                def given_away(questions, names):
                    rows = np.array([[float(name in chosen) for name in names] for chosen in questions])
                    rank = np.linalg.matrix_rank(rows)
                    single = np.eye(len(names))
                    return [
                        name
                        for place, name in enumerate(names)
                        if np.linalg.matrix_rank(np.vstack([rows, single[place]])) == rank
                    ]
            """
        },
        ("away_more",),
    ),
    Mistake(
        "taken from one firm and given to none",
        {
            "move": """
                def move(context, data, amount, giver, taker):
                    vector = ts.bfv_vector_from(context, data)
                    change = [0] * vector.size()
                    change[giver] = -amount
                    return (vector + change).serialize()
            """
        },
        ("move_check", "move_more"),
    ),
    Mistake(
        "five slots, always",
        {
            "move": """
                def move(context, data, amount, giver, taker):
                    change = [0] * 5
                    change[giver], change[taker] = -amount, amount
                    return (ts.bfv_vector_from(context, data) + change).serialize()
            """
        },
        ("move_more",),
    ),
    Mistake(
        "the sums are decrypted and compared",
        {
            "honest": """
                def is_honest(context, own_copies, claimed):
                    own = [ts.bfv_vector_from(context, data).decrypt() for data in own_copies]
                    sums = [sum(parts) for parts in zip(*own)]
                    return ts.bfv_vector_from(context, claimed).decrypt() == sums
            """
        },
        ("honest_check", "honest_more"),
    ),
    Mistake(
        "the lengths are compared",
        {
            "honest": """
                def is_honest(context, own_copies, claimed):
                    own = ts.bfv_vector_from(context, own_copies[0])
                    return ts.bfv_vector_from(context, claimed).size() == own.size()
            """
        },
        ("honest_check", "honest_more"),
    ),
    Mistake(
        "at least two ciphertexts are expected",
        {
            "honest": """
                def is_honest(context, own_copies, claimed):
                    loaded = [ts.bfv_vector_from(context, data) for data in own_copies]
                    total = loaded[0] + loaded[1]
                    for vector in loaded[2:]:
                        total = total + vector
                    return total.serialize() == claimed
            """
        },
        ("honest_more",),
    ),
    Mistake(
        "the ciphertext alone is signed",
        {
            "sign": """
                def sign(signing_key, quarter, data):
                    return signing_key.sign(data).signature

                def accepts(verify_key, quarter, data, signature):
                    try:
                        verify_key.verify(data, signature)
                        return True
                    except BadSignatureError:
                        return False
            """
        },
        ("sign_more",),
    ),
    Mistake(
        "quarter and data are put together without a border",
        {
            "sign": """
                def sign(signing_key, quarter, data):
                    return signing_key.sign(quarter.encode() + data).signature

                def accepts(verify_key, quarter, data, signature):
                    try:
                        verify_key.verify(quarter.encode() + data, signature)
                        return True
                    except BadSignatureError:
                        return False
            """
        },
        ("sign_more",),
    ),
    Mistake(
        "the error of a bad signature gets out",
        {
            "sign": """
                def sign(signing_key, quarter, data):
                    return signing_key.sign(quarter.encode().ljust(20) + data).signature

                def accepts(verify_key, quarter, data, signature):
                    return verify_key.verify(quarter.encode().ljust(20) + data, signature) is not None
            """
        },
        ("sign_check", "sign_more"),
    ),
)

"""Plausible mistakes in lab 2."""

from tests.classroom.mistake import Mistake

MISTAKES = (
    Mistake(
        "everything but the secret key, from the administrator's own context",
        {
            "context_for": """
                def context_for(context, work):
                    context.make_context_public()
                    return context.serialize()
            """
        },
        ("context_for_check", "context_for_more"),
    ),
    Mistake(
        "the public key for whoever adds",
        {
            "context_for": """
                def context_for(context, work):
                    if work - {"encrypt", "add", "multiply", "move slots"}:
                        raise ValueError("unknown work")
                    return context.serialize(
                        save_public_key=True,
                        save_relin_keys="multiply" in work,
                        save_galois_keys="move slots" in work,
                    )
            """
        },
        ("context_for_check", "context_for_more"),
    ),
    Mistake(
        "a word that is no work is taken",
        {
            "context_for": """
                def context_for(context, work):
                    return context.serialize(
                        save_public_key="encrypt" in work,
                        save_relin_keys="multiply" in work,
                        save_galois_keys="move slots" in work,
                    )
            """
        },
        ("context_for_more",),
    ),
    Mistake(
        "what is no context may leave",
        {
            "may_leave": """
                def may_leave(file, reader):
                    try:
                        return not ts.context_from(file).is_private()
                    except (ValueError, RuntimeError):
                        return True
            """
        },
        ("may_leave_check", "may_leave_more"),
    ),
    Mistake(
        "one of the two kinds of error is caught",
        {
            "may_leave": """
                def may_leave(file, reader):
                    try:
                        return not ts.context_from(file).is_private()
                    except ValueError:
                        pass
                    try:
                        return ts.bfv_vector_from(reader, file).size() > 0
                    except ValueError:
                        return False
            """
        },
        ("may_leave_more",),
    ),
    Mistake(
        "the empty file may leave",
        {
            "may_leave": """
                def may_leave(file, reader):
                    try:
                        return not ts.context_from(file).is_private()
                    except (ValueError, RuntimeError):
                        pass
                    try:
                        ts.bfv_vector_from(reader, file)
                    except (ValueError, RuntimeError):
                        return False
                    return True
            """
        },
        ("may_leave_more",),
    ),
    Mistake(
        "a fingerprint of the parameters",
        {
            "fingerprint": """
                def fingerprint(context):
                    bare = context.serialize(save_public_key=False, save_relin_keys=False, save_galois_keys=False)
                    return hashlib.sha256(bare).hexdigest()[:16]
            """
        },
        ("fingerprint_check", "fingerprint_more", "letters_check"),
    ),
    Mistake(
        "Python's own hash, which differs in each process",
        {
            "fingerprint": """
                def fingerprint(context):
                    return f"{hash(bytes_of(context.public_key())) % 2**64:016x}"
            """
        },
        ("fingerprint_more",),
    ),
    Mistake(
        "the fingerprint is not compared",
        {
            "letters": """
                def write_letter(context, numbers):
                    return {"key": fingerprint(context), "report": ts.bfv_vector(context, numbers).serialize()}

                def open_letter(context, letter):
                    return ts.bfv_vector_from(context, letter["report"]).decrypt()
            """
        },
        ("letters_check", "letters_more"),
    ),
    Mistake(
        "the message names one key",
        {
            "letters": """
                def write_letter(context, numbers):
                    return {"key": fingerprint(context), "report": ts.bfv_vector(context, numbers).serialize()}

                def open_letter(context, letter):
                    if letter["key"] != fingerprint(context):
                        raise ValueError("this letter belongs to the key " + letter["key"])
                    return ts.bfv_vector_from(context, letter["report"]).decrypt()
            """
        },
        ("letters_more",),
    ),
    Mistake(
        "a key reads without ciphertexts",
        {
            "can_read": """
                def can_read(things):
                    return "secret key" in things or {"keyring file", "passphrase"} <= things
            """
        },
        ("can_read_check", "can_read_more", "who_reads_check"),
    ),
    Mistake(
        "pairs with somebody who reads alone",
        {
            "who_reads": """
                import itertools

                def who_reads(holdings):
                    found = {(name,) for name in holdings if can_read(holdings[name])}
                    for a, b in itertools.combinations(sorted(holdings), 2):
                        if can_read(holdings[a] | holdings[b]):
                            found.add((a, b))
                    return found
            """
        },
        ("who_reads_check", "who_reads_more"),
    ),
    Mistake(
        "pairs in the order of the list",
        {
            "who_reads": """
                import itertools

                def who_reads(holdings):
                    alone = [name for name in holdings if can_read(holdings[name])]
                    others = [name for name in holdings if name not in alone]
                    pairs = itertools.combinations(others, 2)
                    found = {(a, b) for a, b in pairs if can_read(holdings[a] | holdings[b])}
                    return found | {(name,) for name in alone}
            """
        },
        ("who_reads_more",),
    ),
)

"""Plausible mistakes in lab 3."""

from tests.classroom.mistake import Mistake

MISTAKES = (
    Mistake(
        "the prime of the keys is counted",
        {"formula_bytes": "def formula_bytes(n, chain, count):\n    return count * 2 * n * sum(chain) // 8"},
        ("formula_bytes_check", "formula_bytes_more"),
    ),
    Mistake(
        "bytes that are no whole number",
        {"formula_bytes": "def formula_bytes(n, chain, count):\n    return count * 2 * n * sum(chain[:-1]) / 8"},
        ("formula_bytes_check",),
    ),
    Mistake(
        "a place is one slot, whatever the columns",
        {
            "places": """
                def places(areas, columns, parts):
                    names = sorted(set(areas))
                    boats = dict.fromkeys(names, 0)
                    found = []
                    for area in areas:
                        k = boats[area]
                        found.append((k // parts, names.index(area) * parts + k % parts))
                        boats[area] += 1
                    return found
            """
        },
        ("places_check", "places_more", "mail_check", "mail_more"),
    ),
    Mistake(
        "blocks in the order in which areas appear",
        {
            "places": """
                def places(areas, columns, parts):
                    names = list(dict.fromkeys(areas))
                    boats = dict.fromkeys(names, 0)
                    found = []
                    for area in areas:
                        k = boats[area]
                        found.append((k // parts, (names.index(area) * parts + k % parts) * columns))
                        boats[area] += 1
                    return found
            """
        },
        ("places_more", "mail_more"),
    ),
    Mistake(
        "one list many times",
        {
            "fill": """
                def fill(found, numbers, width):
                    slots = [[0] * width] * (max(ciphertext for ciphertext, _ in found) + 1)
                    for (ciphertext, slot), row in zip(found, numbers):
                        slots[ciphertext][slot : slot + len(row)] = row
                    return slots
            """
        },
        ("fill_check", "fill_more", "mail_check", "mail_more"),
    ),
    Mistake(
        "ciphertexts are rounded down",
        {
            "fewest_parts": """
                def fewest_parts(sizes, columns, slots, one, budget):
                    for parts in range(1, max(sizes) + 1):
                        if max(sizes) // parts * one <= budget and len(sizes) * parts * columns <= slots:
                            return parts
                    raise ValueError("no number of parts will do")
            """
        },
        ("fewest_parts_check", "fewest_parts_more"),
    ),
    Mistake(
        "the slots of a ciphertext are not looked at",
        {
            "fewest_parts": """
                import math

                def fewest_parts(sizes, columns, slots, one, budget):
                    for parts in range(1, max(sizes) + 1):
                        if math.ceil(max(sizes) / parts) * one <= budget:
                            return parts
                    raise ValueError("no number of parts will do")
            """
        },
        ("fewest_parts_more",),
    ),
    Mistake(
        "the sign is forgotten",
        {
            "choose_modulus": """
                def choose_modulus(numbers, terms, moduli):
                    largest = max(max(row) for row in numbers)
                    for modulus in sorted(moduli):
                        if 2 * terms * largest < modulus:
                            return modulus
                    raise ValueError("no modulus will do")
            """
        },
        ("choose_modulus_check", "choose_modulus_more"),
    ),
    Mistake(
        "sums up to the modulus, and not to half of it",
        {
            "choose_modulus": """
                def choose_modulus(numbers, terms, moduli):
                    largest = max(abs(number) for row in numbers for number in row)
                    for modulus in sorted(moduli):
                        if terms * largest < modulus:
                            return modulus
                    raise ValueError("no modulus will do")
            """
        },
        ("choose_modulus_check", "choose_modulus_more"),
    ),
    Mistake(
        "the answer is an object and no bytes",
        {
            "send_and_add": """
                def send(context, slots):
                    return [ts.bfv_vector(context, row).serialize() for row in slots]

                def add_up(reader, files):
                    total = ts.bfv_vector_from(reader, files[0])
                    for file in files[1:]:
                        total += ts.bfv_vector_from(reader, file)
                    return total
            """
        },
        ("send_and_add_check", "send_and_add_more"),
    ),
    Mistake(
        "the first part alone is read",
        {
            "totals": """
                def totals(decrypted, names, columns, parts):
                    found = {}
                    for i, name in enumerate(sorted(names)):
                        begin = i * parts * columns
                        found[name] = decrypted[begin : begin + columns]
                    return found
            """
        },
        ("totals_check", "totals_more"),
    ),
    Mistake(
        "the names are taken in the order in which they are given",
        {
            "totals": """
                def totals(decrypted, names, columns, parts):
                    found = {}
                    for i, name in enumerate(names):
                        block = decrypted[i * parts * columns : (i + 1) * parts * columns]
                        found[name] = [sum(block[column::columns]) for column in range(columns)]
                    return found
            """
        },
        ("totals_more",),
    ),
    Mistake(
        "more parts than the budget needs",
        {"mail": "parts = 20\nmail = send(context, fill(places(areas, 3, 20), catch, 240))"},
        ("mail_more",),
    ),
    Mistake(
        "one part, above the budget",
        {"mail": "parts = 1\nmail = send(context, fill(places(areas, 3, 1), catch, 12))"},
        ("mail_check", "mail_more"),
    ),
)

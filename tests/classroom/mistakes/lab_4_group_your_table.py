"""Plausible mistakes in lab 4."""

from tests.classroom.mistake import Mistake

MISTAKES = (
    Mistake(
        "too few rows, and a group of one",
        {
            "own_csv": '''
                my_csv = """Route,Weather,Kilometres,Stops
                river,dry,12.4,2
                river,rain,11.9,1
                river,rain,12.2,3
                hill,dry,8.05,1
                """.replace(" ", "")
            '''
        },
        ("own_csv_check", "own_csv_more"),
    ),
    Mistake(
        "missing values become 0",
        {
            "load": """
                def load(path):
                    table = lab.load_table(
                        path,
                        labels=["Village", "Household", "Size"],
                        numbers=["Litres", "Days"],
                        separator=";",
                        decimal=",",
                        missing="keep",
                        ordered="Size",
                    )
                    return table.fillna({"Litres": 0})
            """
        },
        ("load_check", "load_more"),
    ),
    Mistake(
        "sizes in the order of text",
        {
            "load": """
                def load(path):
                    table = lab.load_table(
                        path,
                        labels=["Village", "Household", "Size"],
                        numbers=["Litres", "Days"],
                        separator=";",
                        decimal=",",
                        missing="keep",
                    )
                    return table.dropna()
            """
        },
        ("load_check", "load_more"),
    ),
    Mistake(
        "the first readings alone are loaded",
        {
            "load": """
                def load(path):
                    table = lab.load_table(
                        path,
                        labels=["Village", "Household", "Size"],
                        numbers=["Litres", "Days"],
                        separator=";",
                        decimal=",",
                        missing="keep",
                        ordered="Size",
                    )
                    return table.drop(index=[7, 23, 39])
            """
        },
        ("load_more",),
    ),
    Mistake(
        "decimals are cut off",
        {"to_whole": "def to_whole(values, decimals):\n    return [int(value * 10**decimals) for value in values]"},
        ("to_whole_check", "to_whole_more"),
    ),
    Mistake(
        "each row takes the place of the one before",
        {
            "group_sums": """
                def group_sums(reader, groups, files):
                    sums = {}
                    for group, file in zip(groups, files, strict=True):
                        sums[group] = ts.bfv_vector_from(reader, file).serialize()
                    return sums
            """
        },
        ("group_sums_check", "group_sums_more"),
    ),
    Mistake(
        "rows that follow each other are added, and no others",
        {
            "group_sums": """
                def group_sums(reader, groups, files):
                    sums, before = {}, None
                    for group, file in zip(groups, files, strict=True):
                        row = ts.bfv_vector_from(reader, file)
                        sums[group] = sums[group] + row if group == before else row
                        before = group
                    return {group: total.serialize() for group, total in sums.items()}
            """
        },
        ("group_sums_more",),
    ),
    Mistake(
        "lists of different lengths are taken",
        {
            "group_sums": """
                def group_sums(reader, groups, files):
                    sums = {}
                    for group, file in zip(groups, files):
                        row = ts.bfv_vector_from(reader, file)
                        sums[group] = sums[group] + row if group in sums else row
                    return {group: total.serialize() for group, total in sums.items()}
            """
        },
        ("group_sums_more",),
    ),
    Mistake(
        "the mean of all rows",
        {
            "read": """
                def read(context, sums, groups, decimals):
                    found = {}
                    for group, file in sums.items():
                        total = ts.bfv_vector_from(context, file).decrypt()[0] / 10**decimals
                        found[group] = (total, total / len(groups))
                    return found
            """
        },
        ("read_check", "read_more"),
    ),
    Mistake(
        "always hundredths",
        {
            "read": """
                def read(context, sums, groups, decimals):
                    found = {}
                    for group, file in sums.items():
                        total = ts.bfv_vector_from(context, file).decrypt()[0] / 100
                        found[group] = (total, total / groups.count(group))
                    return found
            """
        },
        ("read_more",),
    ),
    Mistake(
        "the layout as it is when nothing is announced",
        {
            "encrypt": """
                def encrypt(table, labels, questions, key):
                    return EncryptedTable.encrypt(table, labels, key, decimals=lab.decimals(table))
            """
        },
        ("encrypt_check",),
    ),
    Mistake(
        "two decimals, whatever the table has",
        {
            "encrypt": """
                def encrypt(table, labels, questions, key):
                    return EncryptedTable.encrypt(table, labels, key, decimals=2, layout=Aligned(groupings=questions))
            """
        },
        ("encrypt_more",),
    ),
    Mistake(
        "one column is compared",
        {
            "largest_difference": """
                def largest_difference(encrypted, table, question, secret_key):
                    decrypted = encrypted.group_by(*question).sum().decrypt(secret_key)
                    plain = table.groupby(question)["Litres"].sum()
                    return (decrypted["Litres"] - plain).abs().max()
            """
        },
        ("largest_difference_check", "largest_difference_more"),
    ),
    Mistake(
        "the sign of a difference is kept",
        {
            "largest_difference": """
                def largest_difference(encrypted, table, question, secret_key):
                    decrypted = encrypted.group_by(*question).sum().decrypt(secret_key)
                    plain = table.groupby(question)[["Litres", "Days"]].sum()
                    return (plain - decrypted).max().max()
            """
        },
        ("largest_difference_more",),
    ),
    Mistake(
        "rows are counted",
        {
            "too_small": """
                def too_small(table, question, contributor, minimum):
                    sizes = table.groupby(question).size()
                    return {group if isinstance(group, tuple) else (group,) for group in sizes[sizes < minimum].index}
            """
        },
        ("too_small_check", "too_small_more"),
    ),
    Mistake(
        "one label at most",
        {
            "too_small": """
                def too_small(table, question, contributor, minimum):
                    counts = table.groupby(question[0])[contributor].nunique()
                    return {(group,) for group in counts[counts < minimum].index}
            """
        },
        ("too_small_more",),
    ),
    Mistake(
        "another question than the one asked for",
        {
            "own_answer": """
                rides = lab.load_table(as_file(my_csv))
                question = ["Weather"]
                encrypted_rides = encrypt(rides, ["Route", "Weather"], [question], keys.secret)
                answer = encrypted_rides.group_by(*question).sum().decrypt(keys.secret)
            """
        },
        ("own_answer_more",),
    ),
    Mistake(
        "means in the place of sums",
        {
            "own_answer": """
                rides = lab.load_table(as_file(my_csv))
                question = ["Route"]
                encrypted_rides = encrypt(rides, ["Route", "Weather"], [question], keys.secret)
                answer = encrypted_rides.group_by(*question).mean().decrypt(keys.secret)
            """
        },
        ("own_answer_check",),
    ),
)

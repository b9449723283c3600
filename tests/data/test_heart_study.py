"""The heart study against its script and the published figures, and the loader's option for missing values."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from he_helpers.lab.exercises.catalogue import exercises_of
from he_helpers.lab.notebook.data import SHIPPED, TableError, decimals, load_table
from he_helpers.schemes.secret import tenseal_bfv
from he_helpers.tables import Aligned, EncryptedTable
from he_helpers.tables.statistics import MomentPlan, moments

DATA = Path(__file__).resolve().parents[2] / "data"
# Published: missing, minimum, maximum, mean, standard deviation.
SUMMARY = {
    "male": (0, 0, 1, 0.4292, 0.495),
    "age": (0, 32, 70, 49.5849, 8.5722),
    "education": (105, 1, 4, 1.9789, 1.0198),
    "currentSmoker": (0, 0, 1, 0.4941, 0.5),
    "cigsPerDay": (29, 0, 70, 9.0031, 11.9201),
    "BPMeds": (53, 0, 1, 0.0296, 0.1696),
    "prevalentStroke": (0, 0, 1, 0.0059, 0.0766),
    "prevalentHyp": (0, 0, 1, 0.3105, 0.4628),
    "diabetes": (0, 0, 1, 0.0257, 0.1583),
    "totChol": (50, 107, 696, 236.7216, 44.5903),
    "sysBP": (0, 83.5, 295, 132.3524, 22.0381),
    "diaBP": (0, 48, 142.5, 82.8935, 11.9108),
    "BMI": (19, 15.54, 56.8, 25.802, 4.0801),
    "heartRate": (1, 44, 143, 75.8789, 12.0266),
    "glucose": (388, 40, 394, 81.9668, 23.96),
    "TenYearCHD": (0, 0, 1, 0.152, 0.359),
}


@pytest.fixture(scope="module")
def study():
    return pd.read_csv(DATA / "heart_study.csv")


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(DATA)
    return importlib.import_module("make_heart_study")


@pytest.mark.slow
def test_script_makes_the_committed_bytes(script):
    assert script.main(["--check"]) == 0


def test_check_finds_a_changed_digit(script, tmp_path, monkeypatch, capsys):
    lines = script.TABLE.read_text(encoding="ascii").splitlines()
    monkeypatch.setattr(script, "records", lambda: lines[1:])
    assert script.main(["--check"]) == 0
    changed = tmp_path / "heart_study.csv"
    lines[6] = ("1" if lines[6][0] == "0" else "0") + lines[6][1:]
    changed.write_text("\n".join(lines) + "\n", encoding="ascii")
    monkeypatch.setattr(script, "records", lambda: script.TABLE.read_text(encoding="ascii").splitlines()[1:])
    assert script.main(["--check"], changed) == 1
    assert "line 7" in capsys.readouterr().err


def test_script_knows_the_published_figures(script):
    known = {
        name: (c.missing, *map(float, (c.minimum, c.maximum, c.mean, c.std))) for name, c in script.COLUMNS.items()
    }
    assert known == SUMMARY


def test_shape_and_summary_are_the_published_ones(study):
    assert study.shape == (4238, 16)
    assert list(study.columns) == list(SUMMARY)
    for name, (missing, minimum, maximum, mean, std) in SUMMARY.items():
        column = study[name]
        assert (column.isna().sum(), column.min(), column.max()) == (missing, minimum, maximum)
        assert (round(column.mean(), 4), round(column.std(), 4)) == (mean, std)


def test_correlations_are_within_the_tolerance_of_the_card(study, script):
    reached = study.corr()
    names = list(SUMMARY)
    errors = np.array(
        [
            abs(reached.loc[names[i], names[j]] - published)
            for i, row in enumerate(script.CORRELATIONS)
            for j, published in enumerate(row)
        ]
    )
    assert len(errors) == 120
    assert errors.max() < 0.0035
    assert (errors < 0.0005).sum() == 113
    assert math.isclose(script.correlation_of(list(study["age"]), list(study["sysBP"])), reached.loc["age", "sysBP"])


def test_what_the_card_says_of_the_rows(study):
    assert len(study.dropna()) == 3619
    assert (study["sysBP"] - study["diaBP"]).min() == 16
    assert (study.loc[study["currentSmoker"] == 0, "cigsPerDay"] == 0).all()
    assert (study.loc[study["currentSmoker"] == 1, "cigsPerDay"].dropna() > 0).all()
    assert ((study["BPMeds"] == 1) & (study["prevalentHyp"] == 0)).sum() == 1


# The loader


@pytest.fixture
def own(tmp_path):
    def load(content: str, **arguments) -> pd.DataFrame:
        path = tmp_path / "own.csv"
        path.write_text(content, encoding="utf-8")
        return load_table(path, **arguments)

    return load


def test_missing_values_are_refused_unless_asked_for():
    with pytest.raises(TableError, match=r"column 'education', line \d+: .*missing.* missing=\"keep\""):
        load_table("heart_study")
    frame = load_table("heart_study", missing="keep")
    shipped = SHIPPED["heart_study"]
    assert frame.isna().sum().to_dict() == {name: SUMMARY[name][0] for name in frame}
    assert all(frame[name].map(type).eq(str).all() for name in shipped.labels)
    assert frame["age"].dtype == "int64" and frame["glucose"].dtype == "float64"
    with pytest.raises(TableError, match="missing or infinite"):
        decimals(frame)
    expected = dict.fromkeys(shipped.numbers, 0) | {"sysBP": 1, "diaBP": 1, "BMI": 2}
    assert decimals(frame, missing="keep") == expected
    frame.attrs.clear()
    assert decimals(frame, missing="keep") == expected


@pytest.mark.parametrize("word", ["", "NA", "NaN", "null", "-", "?", "n/a", " "])
def test_words_for_missing(own, word):
    frame = own(f"who,n,m\na,1,2\nb,{word},3.50\n", missing="keep")
    assert list(frame["who"]) == ["a", "b"]
    assert frame["n"].dtype == "float64" and frame["n"].isna().tolist() == [False, True]
    assert decimals(frame, missing="keep") == {"n": 0, "m": 2}


def test_a_column_of_words_stays_a_label(own):
    frame = own("who,n\nNA,1\nb,\n", missing="keep")
    assert list(frame["who"]) == ["NA", "b"]
    assert frame["n"].isna().sum() == 1


@pytest.mark.parametrize(
    "content, arguments, message",
    [
        ("who,n\na,1\nb,x\n", {"missing": "keep"}, "column 'n': 1 of 2 values are numbers, but line 3 has 'x'"),
        ("who,n\na,\nb,NA\n", {"missing": "keep", "numbers": ["n"]}, "column 'n' has no value at all"),
        ("who,n\na,1\n,2\n", {"missing": "keep", "labels": ["who"]}, "line 3: the label is empty"),
        ("who,n\na,1\nb,inf\n", {"missing": "keep", "numbers": ["n"]}, "line 3: 'inf' .* infinity"),
        ("who,n\na,1\nb,1,5\n", {"missing": "keep"}, "3 cells"),
        ("who,n\na,1\n", {"missing": "drop"}, "missing='drop' is not known"),
    ],
)
def test_other_faults_are_found_all_the_same(own, content, arguments, message):
    with pytest.raises(TableError, match=message):
        own(content, **arguments)


def test_the_strokes_that_an_exercise_of_notebook_08_names(study):
    [exercise] = [exercise for exercise in exercises_of("08") if exercise.id == "08-3"]
    everybody = study["prevalentStroke"].sum()
    others = study["prevalentStroke"][study["currentSmoker"] == 0].sum()
    assert f"{everybody} people have had a stroke" in exercise.prompt
    assert f"{others} of these do not smoke" in exercise.prompt
    assert f"${everybody} - {others} = {everybody - others}$" in exercise.prompt


@pytest.mark.slow
def test_the_encrypted_study_is_at_most_30_times_its_csv():
    """The table of notebook 08, as its administrator encrypts it."""
    study = load_table("heart_study", missing="keep")
    columns = decimals(study, missing="keep")
    plan = MomentPlan.for_frame(
        study,
        columns,
        columns=list(columns),
        pairs=[("age", "sysBP"), ("sysBP", "diaBP"), ("sysBP", "glucose")],
        histograms={"glucose": [40, 70, 80, 90, 100, 126, 200, 400]},
    )
    secret = tenseal_bfv().generate_keys().secret
    labels = ["male", "currentSmoker", "TenYearCHD"]
    table = EncryptedTable.encrypt(
        study[labels].join(moments(study, plan)), labels, secret, layout=Aligned(partial_sums=149)
    )
    assert len(table.to_bytes()) <= 30 * (DATA / "heart_study.csv").stat().st_size

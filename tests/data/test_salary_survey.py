"""The salary survey against its script, the published figures and what notebook 09 does with it."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from he_helpers.lab.notebook.data import load_table

DATA = Path(__file__).resolve().parents[2] / "data"
ANSWERS = ["age", "healthy_eating", "active_lifestyle", "gender"]
# Published: salary = 993.1 - 0.59 age + 466.4 healthy_eating - 184.5 active_lifestyle + 2.3 gender, residual 404.
COEFFICIENTS = {
    "intercept": (993.1, 1),
    "age": (-0.59, 2),
    "healthy_eating": (466.4, 1),
    "active_lifestyle": (-184.5, 1),
    "gender": (2.3, 1),
}


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(DATA)
    return importlib.import_module("make_salary_survey")


@pytest.fixture(scope="module")
def survey():
    return load_table("salary_survey")


def least_squares(frame):
    design = np.column_stack([np.ones(len(frame)), frame[ANSWERS]])
    return np.linalg.lstsq(design, frame["salary"].to_numpy(float), rcond=None)[0]


@pytest.mark.slow
def test_script_makes_the_committed_bytes(script, tmp_path):
    made = tmp_path / script.TABLE.name
    assert script.main([], made) == 0
    assert made.read_bytes() == script.TABLE.read_bytes()


def test_check_finds_a_changed_digit(script, tmp_path, monkeypatch, capsys):
    # What the script makes, as the test above says.
    monkeypatch.setattr(script, "records", lambda: script.TABLE.read_text(encoding="ascii").splitlines()[1:])
    assert script.main(["--check"]) == 0
    changed = tmp_path / script.TABLE.name
    lines = script.TABLE.read_bytes().split(b"\n")
    lines[6] = lines[6][:-1] + (b"1" if lines[6].endswith(b"0") else b"0")
    changed.write_bytes(b"\n".join(lines))
    assert script.main(["--check"], changed) == 1
    assert "line 7" in capsys.readouterr().err


def test_the_published_summary(survey):
    published = pd.read_csv(DATA / "published" / "salary_survey_summary.csv", index_col="column")
    published.index = published.index.str.lower()
    assert list(survey.columns) == list(published.index) == [*ANSWERS, "salary"]
    assert survey.shape == (1000, 5) and (survey.dtypes == "int64").all()
    assert (survey.min() == published["min"]).all() and (survey.max() == published["max"]).all()
    assert (survey.nunique() == published["distinct"]).all()
    assert ((survey.mean() - published["mean"]).abs() <= 0.002).all()
    assert ((survey.std() - published["std"]).abs() <= 0.02).all()


def test_least_squares_finds_the_published_model(survey):
    found = least_squares(survey)
    for value, (published, digits) in zip(found, COEFFICIENTS.values(), strict=True):
        assert round(value, digits) == published
    residuals = survey["salary"] - np.column_stack([np.ones(1000), survey[ANSWERS]]) @ found
    assert abs(residuals.std() - 404) < 1


def test_the_held_out_rows_show_what_a_forgotten_intercept_costs(survey):
    intercept, *weights = least_squares(survey[:800])
    held_out = survey[800:]
    spread = ((held_out["salary"] - held_out["salary"].mean()) ** 2).sum()
    products = held_out[ANSWERS] @ weights
    with_it, without = (1 - ((held_out["salary"] - p) ** 2).sum() / spread for p in (products + intercept, products))
    assert (round(with_it, 2), round(without, 2)) == (0.85, -0.07)

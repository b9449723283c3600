"""The explorer of parameters of notebook 13."""

import pandas as pd
import pytest
from ipywidgets import BoundedIntText, Dropdown

from he_helpers.lab.measuring.explorer import Explorer, consequences
from he_helpers.parameters import BFVParameters, CKKSParameters, PaillierParameters


def test_the_consequences_follow_the_fields():
    explorer = Explorer()
    assert explorer.parameters == CKKSParameters()
    assert explorer.consequences["products of ciphertexts"] == "1 one after the other"
    explorer.inner_primes.value = 3
    assert explorer.consequences["products of ciphertexts"] == "3 one after the other"
    assert explorer.consequences["security"].startswith("none, classical: no published table grants 128 bits to 240")
    explorer.scheme.value = "BFV"
    assert isinstance(explorer.parameters, BFVParameters)
    assert explorer.plaintext_bits.layout.display is None and explorer.scale_bits.layout.display == "none"
    explorer.scheme.value = "Paillier"
    assert explorer.parameters == PaillierParameters()
    assert "128 bits" in explorer.consequences["security"] and explorer.consequences["Galois keys"] == "not used"


def test_an_impossible_choice_is_explained():
    explorer = Explorer()
    explorer.outer_bits.value, explorer.scale_bits.value = 40, 50
    assert list(explorer.consequences.index) == ["not possible"]
    assert "does not fit below the first prime" in explorer.consequences["not possible"]
    assert "does not fit below the first prime" in explorer._table.value
    explorer.scheme.value, explorer.ring_dimension.value, explorer.plaintext_bits.value = "BFV", 8192, 12
    assert "No prime of 12 bits" in explorer.consequences["not possible"]


def test_a_set_that_is_refused_does_not_look_like_any_other():
    explorer = Explorer()
    assert "he-consequences he-refused" not in explorer._table.value and "⚠" not in explorer._table.value
    assert '<p class="he-verdict" role="status">✓ Accepted by this course</p>' in explorer._table.value
    explorer.ring_dimension.value, explorer.outer_bits.value = 4096, 36
    explorer.inner_bits.value, explorer.scale_bits.value = 37, 30
    assert "about 124 bits" in explorer.consequences["security"]
    assert "refused by this course, except with insecure_for_teaching=True" in explorer.consequences["security"]
    assert 'class="he-consequences he-refused"' in explorer._table.value
    assert '<p class="he-verdict" role="status">⚠ Too little security</p>' in explorer._table.value
    assert "insecure_<wbr>for_<wbr>teaching=<wbr>True" in explorer._table.value  # which would leave a narrow page
    explorer.scheme.value, explorer.key_length.value = "Paillier", 1024
    assert "80 bits, classical" in explorer.consequences["security"] and "Too little security" in explorer._table.value
    explorer.key_length.value = 2048
    assert "⚠" not in explorer._table.value
    assert "Shor's algorithm" in explorer.consequences["security against quantum computers"]


def test_text_of_an_error_is_no_markup(monkeypatch):
    monkeypatch.setattr("he_helpers.lab.measuring.explorer.consequences", lambda *_: pd.Series({"security": "<b>&"}))
    assert "&lt;b&gt;&amp;" in Explorer()._table.value


def test_every_field_has_a_label_of_its_own():
    """Drop-down lists and number fields have a label that the browser ties to them; sliders have none."""
    explorer = Explorer()
    fields = [value for value in vars(explorer).values() if isinstance(value, (Dropdown, BoundedIntText))]
    labels = [field.description for field in fields]
    assert len(set(labels)) == len(labels) == 9 and all(labels)
    assert not [value for value in vars(explorer).values() if "Slider" in type(value).__name__]


def test_the_stored_form_is_short():
    bundle = Explorer()._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Explorer(CKKS: ") and len(bundle["text/plain"]) < 100
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_what_is_stored_says_the_choice_and_its_consequences():
    explorer = Explorer()
    explorer.scheme.value, explorer.plaintext_bits.value = "BFV", 25
    stored = explorer._repr_mimebundle_()["text/html"]
    assert "<p>scheme: BFV; ring dimension: 8192; outer primes [bits]: 60; inner primes: 1; " in stored
    assert "; plaintext modulus [bits]: 25</p>" in stored and "scale" not in stored.split("</p>")[0]
    for name, words in explorer.consequences.items():
        assert f'<th scope="row">{name}</th><td>{words}</td>' in stored
    explorer.scheme.value = "Paillier"
    stored = explorer._repr_mimebundle_()["text/html"]
    assert stored.startswith("<p>scheme: Paillier; key length [bits]: 3072; lane [bits]: 48</p>")


def test_the_tables_disagree():
    words = consequences(CKKSParameters(4096, (36, 37, 36), 30))["security"]
    assert words.startswith("about 124 bits") and "limit 109 bits" in words and "limit 106 at 128 bits" in words


@pytest.mark.parametrize("parameters", [BFVParameters(), CKKSParameters(), PaillierParameters()])
def test_every_scheme_has_consequences(parameters):
    words = set(consequences(parameters).index)
    assert {"security", "values in a ciphertext", "largest value or sum", "ciphertext", "public key"} <= words

"""The pictures of the drawing module: what they say, that it can be read, and what they refuse."""

from itertools import combinations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from he_helpers.lab import figures
from he_helpers.lab.figures.protocol.course import REQUEST, ROLES
from he_helpers.lab.figures.theme import WIDTH_INCHES

LONG = figures.Role(
    "auditor",
    "independent auditor of the statistical office",
    secret_key=False,
    holds=("the trail of everything that was asked, by whom, and when", "a verify key"),
    reads="the names of questions and nothing else",
)


def texts(picture):
    return [text for text in picture.figure.axes[0].texts if text.get_text()]


def words_of(picture):
    return " ".join(" ".join(text.get_text().split()) for text in texts(picture))


def assert_can_be_read(picture):
    """No lettering leaves the figure or touches other lettering, and none is smaller than 8 points."""
    assert picture.figure.get_figwidth() == WIDTH_INCHES
    extents = [(text.get_text(), text.get_window_extent()) for text in texts(picture)]
    frame = picture.figure.bbox
    for words, extent in extents:
        assert frame.x0 <= extent.x0 and extent.x1 <= frame.x1 and frame.y0 <= extent.y0 and extent.y1 <= frame.y1, (
            words
        )
    for (one, first), (other, second) in combinations(extents, 2):
        # Two lines of one text come so near that their boxes, which have room for every letter, touch.
        assert not first.padded(-1.5).overlaps(second.padded(-1.5)), (one, other)
    assert min(text.get_fontsize() for text in texts(picture)) >= 8


def test_a_picture_displays_itself_and_then_its_table(monkeypatch):
    displayed = []
    monkeypatch.setattr(
        "he_helpers.lab.figures.picture.display", lambda shown, raw=False: displayed.append((shown, raw))
    )
    picture = figures.who_holds_what()
    picture._ipython_display_()
    (drawn, as_it_is), (table, _) = displayed
    assert as_it_is and drawn["text/plain"] == picture.alt == repr(picture)
    assert f'alt="{picture.alt}" width="672"' in drawn["text/html"]
    assert table is picture.table


@pytest.mark.parametrize("here", [None, *(role.name for role in ROLES)])
def test_who_holds_what_can_be_read_and_says_who_is_here(here):
    picture = figures.who_holds_what(here=here)
    assert_can_be_read(picture)
    assert ("you are here" in words_of(picture)) == ("You are here" in picture.alt) == (here is not None)
    for role in ROLES:
        for thing in (role.title, role.reads, *role.holds):
            assert thing in words_of(picture) and thing in picture.alt
    if here is not None:
        [title] = [role.title for role in ROLES if role.name == here]
        assert f"You are here: {title}." in picture.alt
        mark = next(text for text in texts(picture) if "you are here" in text.get_text())
        assert mark.get_position()[0] == next(t.get_position()[0] for t in texts(picture) if t.get_text() == title)


def test_the_administrator_alone_holds_the_secret_key():
    picture = figures.who_holds_what()
    assert picture.alt.count("holds the secret key") == 1
    assert "data administrator holds the secret key" in picture.alt
    assert picture.table.loc["secret key"].tolist() == ["yes", "no", "no"]
    assert picture.table.loc["the encrypted table"].tolist() == ["no", "yes", "no"]
    assert picture.table.loc["can read"].tolist() == [role.reads for role in ROLES]
    assert words_of(picture).count("no secret key") == 2


def test_the_trust_boundary_lies_between_each_two_roles():
    for roles in (ROLES[:2], ROLES, [*ROLES, LONG]):
        assert words_of(figures.who_holds_what(roles=roles)).count("trust boundary") == len(roles) - 1
        assert words_of(figures.sequence(roles=roles, steps=REQUEST[:2])).count("trust boundary") == len(roles) - 1


def test_long_words_are_broken_between_words():
    for picture in (
        figures.who_holds_what(here="auditor", roles=[*ROLES, LONG]),
        figures.sequence(
            here="auditor", roles=[*ROLES, LONG], steps=[*REQUEST, figures.Step("auditor", "auditor", LONG.reads)]
        ),
    ):
        assert_can_be_read(picture)
        assert LONG.title in words_of(picture) and LONG.reads in words_of(picture)


@pytest.mark.parametrize("here", [None, *(role.name for role in ROLES)])
def test_a_sequence_can_be_read_and_says_each_step(here):
    picture = figures.sequence(here=here)
    assert_can_be_read(picture)
    for number, step in enumerate(REQUEST, start=1):
        assert f"{number}. {step.what}" in words_of(picture)
        assert f": {step.what}." in picture.alt
    assert picture.table["what"].tolist() == [step.what for step in REQUEST]
    assert picture.table.loc[3, ["who", "to"]].tolist() == ["data analyst", "server"]


def test_an_arrow_leads_from_the_sender_to_the_receiver():
    picture = figures.sequence(steps=[figures.Step("analyst", "administrator", "a question")])
    [arrow] = [text for text in picture.figure.axes[0].texts if not text.get_text()]
    places = {text.get_text(): text.get_position()[0] for text in texts(picture)}
    assert arrow.xyann[0] == places["data analyst"] and arrow.xy[0] == places["data administrator"]


@pytest.mark.parametrize("draw", [figures.who_holds_what, figures.sequence])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"here": "operator"}, "Nobody here is called 'operator'.*administrator, server, analyst"),
        ({"roles": ROLES[:1]}, "2 to 4 roles side by side, not 1"),
        ({"roles": [*ROLES, *ROLES]}, "2 to 4 roles side by side, not 6"),
        ({"roles": [ROLES[0], ROLES[0]]}, "a name of its own, and these are administrator, administrator"),
    ],
)
def test_roles_that_do_not_fit_are_refused(draw, wrong, message):
    with pytest.raises(ValueError, match=message):
        draw(**wrong)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "1 to 14 steps, not 0"),
        (REQUEST * 2, "1 to 14 steps, not 18"),
        ([figures.Step("server", "custodian", "a share")], "No role is called 'custodian'"),
    ],
)
def test_steps_that_do_not_fit_are_refused(steps, message):
    with pytest.raises(ValueError, match=message):
        figures.sequence(steps=steps)


def test_the_roles_have_colours_that_differ():
    picture = figures.who_holds_what(roles=[*ROLES, LONG])
    heads = [patch.get_facecolor() for patch in picture.figure.axes[0].patches if patch.get_facecolor() != (1, 1, 1, 1)]
    assert len(heads) == len(set(heads)) == 4


CHART = pd.DataFrame({"plain": [1.0, 20.0], "encrypted": [1000.0, 30_000.0]}, index=["one", "many"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"frame": pd.DataFrame()}, "nothing to draw"),
        ({"frame": pd.DataFrame([range(9)])}, "9 columns cannot be told apart"),
        ({"frame": pd.DataFrame({"a": ["b"]})}, "not numeric: a"),
        ({"ylabel": " "}, "need a label"),
        ({"alt": ""}, "needs alternative text"),
    ],
)
def test_a_chart_that_cannot_be_drawn_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        figures.dots(**{"frame": CHART, "xlabel": "rows", "ylabel": "size [kB]", "alt": "Sizes.", **changes})


def test_the_style_is_set_where_matplotlib_is_loaded_already():
    with plt.rc_context({"axes.grid": False}):
        figures.apply_style()
        assert plt.rcParams["axes.grid"]


def test_zero_has_no_place_on_a_logarithmic_axis():
    with pytest.raises(ValueError, match="no place for zero"):
        figures.dots(CHART - 1, "rows", "size [kB]", "Sizes.")
    figures.dots(CHART - 1, "rows", "size [kB]", "Sizes.", log=False)


def test_dots_are_told_apart(monkeypatch):
    shown = []
    monkeypatch.setattr("he_helpers.lab.figures.style.show", lambda figure, alt: shown.append(figure.axes[0]))
    figures.dots(CHART, "rows", "size [kB]", "Sizes.")
    [dots] = shown
    assert dots.get_yscale() == "log"
    marks = {(line.get_marker(), line.get_color()) for line in dots.lines}
    assert len({mark for mark, _ in marks}) == len({colour for _, colour in marks}) == 2
    first, second = (set(line.get_xdata()) for line in dots.lines)
    assert not first & second, "Equal numbers lie one upon the other."

"""Formulas as MathML, which browsers and screen readers read without a script from the network: an extension of Sphinx.

It is chosen by `html_math_renderer = "mathml"`.
"""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def visit_math(translator: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    # docutils' converter does not know LaTeX's choice between low and centred dots.
    formula = tex2mathml(node.astext().replace(r"\dots", r"\ldots"), as_block=isinstance(node, nodes.math_block))
    translator.body.append(formula)
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    return {"parallel_read_safe": True}

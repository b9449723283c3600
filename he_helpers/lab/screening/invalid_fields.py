"""Fields that are said to be wrong are marked as such for screen readers: `aria-invalid`, and where the message is.

ipywidgets can set neither on a field. A script does it in the page, the same in JupyterLab and on a page of Voilà,
which both run what an output widget holds.
"""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets
from IPython.display import Javascript

_FORM, _ROW = "he-fields", "he-field"
# `element` is the place of the output, which may not be in the page yet. A row is looked at again when a message
# comes or goes in any of them.
_SCRIPT = f"""
const mark = form => {{
  for (const row of form.querySelectorAll('.{_ROW}')) {{
    const field = row.querySelector('input, select');
    const message = row.querySelector('[role=alert]');
    if (!field) continue;
    if (message) {{
      message.id ||= 'he-message-' + Math.random().toString(36).slice(2);
      field.setAttribute('aria-invalid', 'true');
      field.setAttribute('aria-describedby', message.id);
    }} else {{
      field.removeAttribute('aria-invalid');
      field.removeAttribute('aria-describedby');
    }}
  }}
}};
const begin = () => {{
  const form = element.closest('.{_FORM}');
  if (!form) return false;
  new MutationObserver(() => mark(form)).observe(form, {{ childList: true, subtree: true }});
  mark(form);
  return true;
}};
if (!begin()) {{
  const page = new MutationObserver(() => {{ if (begin()) page.disconnect(); }});
  page.observe(document.body, {{ childList: true, subtree: true }});
}}
"""


def form_of(rows: Sequence[widgets.Box], *others: widgets.Widget) -> widgets.VBox:
    """A box of `rows` and `others` below each other, in which a field is marked while its row shows an alert.

    rows: a field (an input or a drop-down) each, and the place of its message, an element with the role "alert".
    """
    for row in rows:
        row.add_class(_ROW)
    script = widgets.Output(layout=widgets.Layout(display="none"))
    script.append_display_data(Javascript(_SCRIPT))
    form = widgets.VBox([*rows, *others, script])
    form.add_class(_FORM)
    return form

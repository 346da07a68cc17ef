"""Sphinx configuration of the documentation site, which ``make docs`` builds.

Sphinx reads the docstrings as they are written (Google style, roles such as ``:class:``), MyST the Markdown pages, and
the theme brings its styles and scripts, so that neither the build nor a page needs a network.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform

sys.path.insert(0, str(Path(__file__).parent))

from reference import public_objects

from camaug import __version__

project = "camaug"
copyright = "the authors of camaug, Apache-2.0"
release = version = __version__
html_title = f"camaug {release}"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # which a page opened from disk may not fetch
html_math_renderer = "mathml"
default_role = "literal"
highlight_language = "none"  # blocks without a language are commands
python_maximum_signature_line_length = 88
pygments_style = "friendly"
pygments_dark_style = "monokai"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4  # the anchors of GitHub, which the pages use among themselves
myst_dmath_allow_digits = False
myst_dmath_double_inline = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = True
autoclass_content = "class"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Example"]

PUBLIC_NAME = re.compile(r"(\w+)(\(.*\))?", flags=re.DOTALL)


class LinkPublicNames(SphinxTransform):
    """Transform that links the public names in inline code to the reference."""

    default_priority = 5

    def apply(self, **kwargs: Any) -> None:
        """Wrap each literal whose whole text is a public name, with or without arguments, in a reference."""
        if self.env.docname.startswith("reference/"):
            return
        names = {path.rpartition(".")[2]: path for path in public_objects()}
        for literal in list(self.document.findall(nodes.literal)):
            match = PUBLIC_NAME.fullmatch(literal.astext())
            path = names.get(match[1]) if match else None
            linked = isinstance(literal.parent, (nodes.reference, nodes.title, pending_xref))
            if path is None or linked or (path.rpartition(".")[2].islower() and not match[2] and "_" not in match[1]):
                continue
            reference = pending_xref(
                "", refdomain="py", reftype="obj", reftarget=path, refexplicit=True, refwarn=True,
                refdoc=self.env.docname,
            )  # fmt: skip
            literal.replace_self(reference)
            reference += literal


def find_by_import(app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element) -> Any:
    """Resolve a reference to a public object under another of its names, by the place where it is defined."""
    if node.get("refdomain") != "py":
        return None
    module, _, name = node["reftarget"].rpartition(".")
    try:
        target = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return None
    canonical = f"{getattr(target, '__module__', '')}.{getattr(target, '__qualname__', '')}"
    path = public_objects_by_definition().get(canonical)
    if path is None or path == node["reftarget"]:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", path, node, contnode)


def public_objects_by_definition() -> dict[str, str]:
    """Return the public paths by the paths of their definitions."""
    return {
        f"{value.__module__}.{value.__qualname__}": path
        for path, value in public_objects().items()
        if hasattr(value, "__qualname__")
    }


def draw_inline(translator: Any, node: nodes.math) -> None:
    """Write a formula within a line as MathML, which browsers draw without a script."""
    translator.body.append(convert(node.astext(), display="inline"))
    raise nodes.SkipNode


def draw_block(translator: Any, node: nodes.math_block) -> None:
    """Write a formula as a block of MathML that scrolls where it is too wide."""
    translator.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the formulas' renderer and the links to the reference."""
    app.add_html_math_renderer("mathml", (draw_inline, None), (draw_block, None))
    app.add_transform(LinkPublicNames)
    app.connect("missing-reference", find_by_import)

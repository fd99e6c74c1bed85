"""How Sphinx builds the documentation: `make docs`."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

# `docs.generated` is found from the root, wherever Sphinx was started.
sys.path.insert(0, str(Path(__file__).parents[1]))

project = "mpc-bridge"
author = "the mpc-bridge authors"
project_copyright = "the mpc-bridge authors; Apache-2.0"
version = release = version_of("mpc-bridge")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docs.generated",
]
exclude_patterns = ["_build"]

# Markdown.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# They have a place in the table of contents, and take it when they come.
pages_to_come = [
    "captures",
    "deploy",
    "failures",
    "observe",
    "scale",
    "secure",
    "threat-model",
]
highlight_language = "none"

# What is public is what `__all__` says, in the order of the source.
autodoc_default_options = {
    "members": True,
    "undoc-members": True,
    "exclude-members": "__init__, __new__, model_config",
}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 78
# Docstrings write `code` in single backticks.
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Every reference must lead somewhere; `docs.generated` resolves our own names, and says
# which are others' libraries: their pages are not on this machine.
nitpicky = True

# `make docs-links` asks the network; CI has none.
linkcheck_timeout = 15
linkcheck_ignore = [r"https?://(127\.0\.0\.1|localhost)[:/].*"]

# Pages work without a network: no fonts, no scripts from elsewhere.
html_theme = "furo"
html_title = f"mpc-bridge {release}"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["mpc-bridge.css"]

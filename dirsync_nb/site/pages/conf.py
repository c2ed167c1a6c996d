"""How Sphinx builds the site. Nothing is fetched: the pages open from a disk, without a network."""

import warnings

import dirsync_nb

project = "dirsync_nb"
version = release = dirsync_nb.__version__
copyright = "the dirsync_nb contributors"  # noqa: A001
language = "en"

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb"]
exclude_patterns = ["**/.ipynb_checkpoints"]
nitpicky = False
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header", "ref.python"]

nb_execution_mode = "off"  # shown as they are stored: the tests run them
nb_ipywidgets_js = {}  # else scripts from a network; what a widget shows without one is shown
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_merge_streams = True

autodoc_typehints = "none"  # signatures have them
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_preprocess_types = False
add_module_names = False
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = "dirsync_nb"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}

warnings.filterwarnings("ignore", category=DeprecationWarning)

"""Build the site: ``python -m dirsync_nb.site``."""

import sys

from . import main

sys.exit(main())

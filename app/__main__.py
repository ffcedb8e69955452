"""``python -m app`` is the command ``loam``."""

import sys

from app.cli import main

sys.exit(main())

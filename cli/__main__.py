"""`python -m cli` is `pregao`."""

import sys

from cli.main import main

sys.exit(main())

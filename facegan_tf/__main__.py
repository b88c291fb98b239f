"""`python -m facegan_tf` is `facegan`."""

import sys

from facegan_tf.cli import main

sys.exit(main())

"""Makes `python -m facegan_tf` the same as `facegan`."""

import sys

from facegan_tf.cli import main

sys.exit(main())

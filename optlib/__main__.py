"""Says where the commands of `python -m optlib` are now."""

import sys

sys.exit("The commands are in the lab: python -m optlab claims, python -m optlab data")

"""Start the workstation."""

import sys

from medvision_desktop.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["open"]))

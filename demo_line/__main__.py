"""Command line of the demonstration line: `python -m demo_line serve|replay|load`."""

import sys

from demo_line.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

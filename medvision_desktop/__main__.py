"""`python -m medvision_desktop`: a child process, or the command line."""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    """Dispatch before anything heavy is imported: children must not load the window."""
    if len(arguments) == 3 and arguments[0] == "child":
        from medvision_desktop.children.serve import serve

        return serve(arguments[1], int(arguments[2]))
    from medvision_desktop.cli import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

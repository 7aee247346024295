"""``python -m semsig``: the command line."""

from semsig.cli import main

if __name__ == "__main__":
    main()

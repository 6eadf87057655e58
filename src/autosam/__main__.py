"""`python -m autosam`: the command where its script is not on the path."""

from autosam.cli.main import run

if __name__ == "__main__":
    run()

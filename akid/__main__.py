"""``python -m akid``."""

import sys


def main() -> int:
    """The commands. `train` loads only what a supervisor needs: it lives beside the training all the time."""
    if sys.argv[1:] == ["train"] or sys.argv[1:3] == ["train", "--"]:
        from akid.trainer.command import train

        return train(sys.argv[3:])
    from akid.cli import main as commands

    return commands()


if __name__ == "__main__":
    sys.exit(main())

"""The command `emrs-local`, as `python -m emrs_local`."""

from emrs_local.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    main()

"""`python -m symplast` is the `symplast` command."""

from symplast.cli import main

if __name__ == "__main__":
    main()

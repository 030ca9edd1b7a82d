"""`python -m polypref`, which `torchrun` and `accelerate launch` start."""

from polypref.cli import main

if __name__ == "__main__":
    main()

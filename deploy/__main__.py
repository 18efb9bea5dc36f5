"""`python -m deploy` is `showroom`."""

from deploy.cli import main

if __name__ == "__main__":
    main()

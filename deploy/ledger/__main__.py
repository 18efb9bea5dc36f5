"""python -m deploy.ledger: the ledger without the rest of the command line."""

from deploy.ledger.command import main

if __name__ == "__main__":
    main()

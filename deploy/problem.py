"""What went wrong before start, in words an engineer can act on."""


class Problem(Exception):  # noqa: N818 - it is what the engineer has, and is shown as such
    """Something must be changed before this can run; `remedy` says what."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.args[0]}\n  -> {self.remedy}"

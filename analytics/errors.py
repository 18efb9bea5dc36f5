"""Errors of analytics: each names the place, the value and the remedy."""


class AnalyticsError(Exception):
    """Something that analytics cannot do, in words for the engineer."""


class NotEnoughDataError(AnalyticsError):
    """Too little, or too little usable, was given to learn or to judge from.

    Attributes:
        remedy: what would be enough.
    """

    def __init__(self, place: str, found: str, remedy: str) -> None:
        super().__init__(f"{place}: {found}; {remedy}")
        self.remedy = remedy


class UnusableInputError(AnalyticsError):
    """An input has a form that nothing can be read from: a missing column, a wrong unit, an unknown name.

    Attributes:
        remedy: what is expected instead.
    """

    def __init__(self, place: str, found: str, remedy: str) -> None:
        super().__init__(f"{place}: {found}; {remedy}")
        self.remedy = remedy

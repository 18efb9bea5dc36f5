"""How the store of a gateway does, for people."""

from dataclasses import dataclass


@dataclass(slots=True)
class StoreHealth:
    """Written by the writer thread, read by whoever shows it.

    Attributes:
        error, remedy: why it does not take anything now; empty while it does.
        permanent: waiting alone will not help.
        quarantine_error: why nothing can be put into quarantine; empty where it can.
        waveform_error: why no waveform can be kept; empty where it can.
        samples, batches: stored since the gateway started.
        newest_ns: newest source time stored.
    """

    error: str = ""
    remedy: str = ""
    permanent: bool = False
    quarantine_error: str = ""
    waveform_error: str = ""
    samples: int = 0
    batches: int = 0
    newest_ns: int = 0

"""The ports a supervisor serves at: its status, and at the chief's the rendezvous."""

from __future__ import annotations

from akid.snapshots import Slots
from akid.trainer.channel import Meeting, Page, Remote, Server
from akid.trainer.log import Log
from akid.trainer.progress import Progress
from akid.trainer.rendezvous import Elastic, Rendezvous
from akid.trainer.settings import Settings


def serve(
    settings: Settings, pages: dict[str, Page], slots: Slots, before: int, log: Log, progress: Progress
) -> tuple[Meeting | Remote | None, str]:
    """Open the ports of a member.

    Args:
        settings: which member.
        pages: see `Server`.
        slots: where states are in memory.
        before: the number of the last generation there was.
        log: where it is told that a port is taken.
        progress: of this member.

    Returns:
        The rendezvous, None if it trains alone; and where its state can be fetched, empty for nowhere.

    Raises:
        OSError: the port of the rendezvous is taken.
    """
    host = "127.0.0.1" if settings.host == "127.0.0.1" else ""
    source = ""
    if settings.metrics_port:
        try:
            Server(settings.metrics_port, pages, None, settings.token, host, slots)
            source = f"{settings.host}:{settings.metrics_port}"
        except OSError as error:
            log(f"port {settings.metrics_port} for metrics cannot be opened: {error.strerror}", "warning")
    if not settings.rendezvous:
        return None, source
    if not settings.is_chief:
        return Remote(settings.rendezvous, settings.token, settings.rendezvous_number), source
    elastic = Elastic(settings.least, settings.grace) if settings.least else None
    meeting = Meeting(Rendezvous(settings.members, settings.spare, before, elastic), progress)
    Server(int(settings.rendezvous.rpartition(":")[2]), pages, meeting, settings.token, host, slots)
    return meeting, source

"""Makes the server behind a target: embedded, the user's own, or one that runs already."""

from pathlib import Path

from llamawatt.app.serving import Serving
from llamawatt.gateway.config.tables import TargetTable
from llamawatt.models.fetch.catalog import resolve_model
from llamawatt.targets.access import Access
from llamawatt.targets.attach import AttachedServer
from llamawatt.targets.base import Endpoint, Target
from llamawatt.targets.launcher import ServerProcess
from llamawatt.targets.spec import make_spec


class ResolvedServer:
    """A server whose model is looked for, and fetched if need be, when it is started.

    Args:
        table: The target's table.
        folder: Folder that relative paths of it start from.
    """

    def __init__(self, table: TargetTable, folder: Path) -> None:
        self._table = table
        self._folder = folder
        self._process: ServerProcess | None = None

    def start(self) -> Endpoint:
        """Find the model, start the server, wait until it is healthy.

        Raises:
            LlamawattError: the model cannot be had, or the server does not start.
        """
        table = self._table
        given = table.settings
        settings = given if table.on_gpu or "device" in given else {"device": "none", **given}
        server = self._folder / table.server if table.server else None
        local = self._folder / table.model
        model = local if local.is_file() else resolve_model(table.model).path
        program = Serving(server=server).program()
        self._process = ServerProcess(program, model, make_spec(settings), table.start_s)
        return self._process.start()

    def stop(self) -> None:
        """Stop it and wait until its process is gone. Safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()


def make_target(table: TargetTable, folder: Path) -> Target:
    """Return the server of a target's table; nothing is started yet."""
    if table.kind == "attached":
        return AttachedServer(table.url, table.remote_model, Access(api_key=table.api_key))
    return ResolvedServer(table, folder)

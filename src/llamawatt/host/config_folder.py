"""Where llamawatt keeps what it learnt of this machine."""

import os
from pathlib import Path

from platformdirs import user_config_path


def config_folder() -> Path:
    """Return llamawatt's configuration folder; it need not be there.

    LLAMAWATT_CONFIG, else the platform's custom: XDG_CONFIG_HOME, ~/Library/Application Support,
    LOCALAPPDATA.
    """
    named = os.environ.get("LLAMAWATT_CONFIG")
    return Path(named) if named else user_config_path("llamawatt", appauthor=False)

"""The argument for an output folder: the folder itself, or a configuration file."""

from pathlib import Path
from typing import Annotated

import typer

from segmentation.config import Output, load
from segmentation.errors import ConfigError

OutputArgument = Annotated[
    str,
    typer.Argument(
        metavar="OUTPUT",
        help="Output folder, or a configuration file that sets output.path.",
    ),
]


def output_settings(argument: str) -> Output:
    """The ``[output]`` of a configuration file; or of a folder, with defaults for the rest.

    Raises
    ------
    ConfigError
        If nothing is named, or the configuration cannot be used.
    """
    if not argument.strip():
        raise ConfigError("OUTPUT is empty: name a folder of runs, or a configuration")
    if is_configuration(argument):
        return load(argument).output
    return Output(path=argument)


def is_configuration(argument: str) -> bool:
    """Whether an argument is a configuration file and not a folder of runs."""
    return Path(argument).suffix == ".toml"

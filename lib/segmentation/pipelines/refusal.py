"""What a run that continues another one is refused for: other settings, and broken data."""

from segmentation.config import Config
from segmentation.errors import ConfigError, DataError
from segmentation.pipelines.as_before import AsBefore
from segmentation.pipelines.previous import PreviousRun
from segmentation.pipelines.steps import Steps
from segmentation.selection.breakage import breakages, refusal
from segmentation.selection.changed_settings import changed_settings


def check_refresh(previous: PreviousRun | None, config: Config) -> None:
    """Whether the policy that was asked for by name is possible.

    Raises
    ------
    ConfigError
        If the model is to be kept, warmed or combined, but features are prepared otherwise now.
    """
    policy = config.refresh.policy
    if previous is None or policy in ("auto", "fresh"):
        return
    changed = changed_settings(previous.run.config, config.redacted_dump())
    if changed:
        raise ConfigError(
            f"refresh.policy is {policy!r}, but the model of run {previous.name} was fitted with "
            f"other settings ({'; '.join(changed)}): fit a fresh one, with --refresh fresh"
        )


def refuse_broken(before: AsBefore | None, *, accepts: bool, steps: Steps) -> None:
    """Refuse data that look broken rather than drifted; with ``accepts`` only warn.

    Raises
    ------
    DataError
        If a feature's unit changed, one is constant that was not, or half of the customers are
        gone.
    """
    if before is None or before.previous.reference is None:
        return
    found = breakages(
        before.today,
        before.previous.reference,
        preparation=before.preparation,
        customers_before=before.previous.run.labelled,
    )
    if found and not accepts:
        raise DataError(refusal(found))
    for each in found:
        steps.warn(f"accepted (--accept): {each}")

"""``[refresh]``: whether a run keeps the previous run's model or fits a new one."""

from typing import Annotated, Literal

from pydantic import Field

from segmentation.config.section import Section, Whole

Policy = Literal["auto", "keep", "warm", "fresh", "combine"]


class Refresh(Section):
    """``[refresh]``: the policy, and what the evidence for a new model has to exceed.

    ``tolerance`` is the share by which the previous centres may cost more than the same after
    Lloyd's algorithm; ``blend`` the weight of the fresh model in ``combine``; a model older than
    ``max_age_days`` is not kept.
    """

    policy: Policy = "auto"
    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.01
    blend: Annotated[float, Field(ge=0, le=1)] = 0.5
    max_age_days: Annotated[Whole, Field(ge=0)] | None = None

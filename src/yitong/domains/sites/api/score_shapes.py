"""What a score sheet looks like from outside."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from yitong.domains.sites.api.shapes import Code, Name, Named, Shape


class Criterion(Shape):
    """What a talk is assessed by. ``points``: marks from 0 to ``points``; ``yes_no``; ``knock_out``: who fails it has 0 per cent, and it
    has no weight. ``key`` stays the same when the name changes."""

    key: Code
    name: Name
    kind: Literal["points", "yes_no", "knock_out"] = "points"
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    points: Annotated[int, Field(ge=1, le=100)] = 5


class ScoreSheet(Named):
    """By what agents are assessed. ``pass_percent`` 0: nobody passes or fails; one that is not ``enabled`` is used no more."""

    enabled: bool = True
    pass_percent: Annotated[int, Field(ge=0, le=100)] = 0
    criteria: Annotated[list[Criterion], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _scored(self) -> ScoreSheet:
        """Keys tell criteria apart, and something must weigh."""
        if len({one.key for one in self.criteria}) != len(self.criteria):
            raise ValueError("criteria need different keys")
        if all(one.kind == "knock_out" for one in self.criteria):
            raise ValueError("a criterion that weighs is needed")
        return self

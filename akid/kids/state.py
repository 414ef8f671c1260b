"""What a run must know beside its variables to go on as if it had never stopped."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from akid.backend import tf
from akid.engines import Tally
from akid.errors import AkidError, NotFiniteError
from akid.kids.schedule import Schedule
from akid.kids.stopping import Standing
from akid.runs.checkpoints import Checkpoints, committed
from akid.sources.base import SPLITS

if TYPE_CHECKING:
    from akid.kids.kid import Kid


def schedule_of(kid: Kid) -> Schedule:
    """When a Kid does what.

    Raises:
        AkidError: ``max_epoch`` is given for data without an end.
    """
    batch, size = kid.sensor.batch_size, kid.sensor.size(SPLITS[0])
    if kid.max_epoch is not None and kid.sensor.endless:
        raise AkidError(
            "The training examples have no end, so there are no epochs; give max_steps, not max_epoch."
        )
    last = kid.max_steps if kid.max_steps is not None else math.ceil((kid.max_epoch or 0) * size / batch)
    return Schedule(
        last=last,
        train_log=kid.train_log_step,
        val_log=kid.val_log_step if kid.sensor.size("val") else 0,
        checkpoint=kid.checkpoint_step if kid.save_chk_point else 0,
        summary=(kid.summary_step or kid.train_log_step) if kid.do_summary else 0,
        batch_size=batch,
        epoch_size=size,
    )


def checkpoints_of(kid: Kid) -> Checkpoints:
    """The checkpoints of its run directory."""
    must_be_finite = frozenset(f"brain/{name}" for name in kid.brain.named_variables())
    run_dir, variables = kid.run_dir, saved_variables(kid)
    return Checkpoints(run_dir.checkpoints, run_dir.best, variables, must_be_finite, kid.keep_checkpoints)


def not_finite(kid: Kid, what: str, step: int | None = None) -> NotFiniteError:
    """The error for a loss or a parameter that became NaN or infinite."""
    kid.checkpoints.sync()
    kept = committed(kid.run_dir.checkpoints)
    last = f"The last checkpoint before it is {kept[-1]}." if kept else "No checkpoint was saved before it."
    hint = "" if kid.debug else " debug=True names the first block where it happens."
    return NotFiniteError(
        f"{what} at step {kid.step if step is None else step}. {last}"
        f" Try a smaller learning rate, or clip_global_norm.{hint}"
    )


def saved_variables(kid: Kid) -> dict[str, tf.Variable]:
    """Everything a checkpoint holds, by name."""
    saved = {f"brain/{n}": v for n, v in kid.brain.named_variables().items()}
    saved |= {f"kongfu/{n}": v for n, v in kid.kongfu.slots.items()}
    if kid.moving_average is not None:
        saved |= {f"moving_average/{n}": v for n, v in kid.moving_average.slots.items()}
    return saved | {"step": kid.engine.step}


def state_of(kid: Kid) -> dict[str, Any]:
    """What a checkpoint keeps beside the variables, as JSON."""
    return {
        "standing": dataclasses.asdict(kid.standing),
        "lr": kid.kongfu.lr_scheme.state(),
        "tally": dataclasses.asdict(dataclasses.replace(kid.tally, last_loss=0.0)),
        "validated_step": kid.validated_step,
        "measured": measured(kid),
    }


def put_back(kid: Kid, state: Mapping[str, Any]) -> None:
    """Take up what `state_of` gave."""
    kid.standing = Standing(**state["standing"])
    kid.tally = Tally(**state["tally"])
    kid.validated_step = state["validated_step"]
    before = state["measured"]
    kid.evals, kid.val_evals = _numbers(before["evals"]), _numbers(before["val_evals"])
    losses = _numbers({"loss": before["loss"], "val_loss": before["val_loss"]})
    kid.loss, kid.val_loss = losses["loss"], losses["val_loss"]
    if state["lr"] is not None:
        kid.kongfu.lr_scheme.restore(state["lr"])


def measured(kid: Kid) -> dict[str, Any]:
    """The last training loss and the last validation, as JSON."""
    return {
        "loss": number(kid.loss),
        "evals": {name: number(value) for name, value in kid.evals.items()},
        "val_loss": number(kid.val_loss),
        "val_evals": {name: number(value) for name, value in kid.val_evals.items()},
    }


def number(value: Any) -> Any:
    """The value; None for NaN and infinity, which JSON has not."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    """JSON's null back to NaN."""
    return {name: math.nan if value is None else value for name, value in values.items()}

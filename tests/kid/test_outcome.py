"""How a run stands, in words."""

from __future__ import annotations

from typing import Any

import pytest

from akid.runs.outcome import outcome

TRAINED = {"step": 7, "loss": 0.5, "evals": {"accuracy": 0.25}}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (TRAINED, "step 7, training loss 0.5000, training accuracy 0.2500"),
        (TRAINED | {"val_loss": None, "val_evals": {}}, "step 7, training loss 0.5000, training accuracy 0.2500"),
        (
            TRAINED | {"val_loss": 1.0, "val_evals": {"auc": 0.75}},
            "step 7, validation loss 1.0000, validation auc 0.7500",
        ),
        ({"step": 0, "loss": None, "evals": {}, "val_loss": None}, "step 0"),
        ({"step": 3, "val_loss": 2.0, "val_evals": {"auc": None}}, "step 3, validation loss 2.0000"),
    ],
)
def test_what_was_not_validated_is_of_training(result: dict[str, Any], words: str):
    assert outcome(result) == words

"""Hyper parameters of several runs, as TensorBoard's own backend of its page *HParams* reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kid.small_kids import metrics, small_brain, small_kid

from akid import MomentumKongFu
from akid.errors import NotFiniteError
from akid.runs.event_files import read_events

LRS = [0.1, 0.2]


def params(lr: float) -> dict[str, Any]:
    """As a template is given them."""
    return {"net_paras": {"activation": [{"type": "relu"}], "bn": True}, "opt_paras": {"lr": lr}, "repeat": 0}


def practised(log_dir: Path, lr: float, **kwargs: Any) -> None:
    """A run that was filled in."""
    kid = small_kid(log_dir, brain=small_brain(), kongfu=MomentumKongFu(lr), do_summary=True, **kwargs)
    kid.params = params(lr)
    kid.practice()


def session_groups(log_dir: Path) -> list[Any]:
    """What the page shows: a group for every run."""
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(log_dir))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(log_dir))
    context = backend_context.Context(TBContext(data_provider=provider))
    context_of_request = RequestContext()
    known = context.hparams_metadata(context_of_request, "")
    experiment = context.experiment_from_metadata(context_of_request, "", True, known, [])
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=10,
        allowed_statuses=[0, 1, 2, 3],
        col_params=[api_pb2.ColParams(metric=metric.name) for metric in experiment.metric_infos],
    )
    return list(list_session_groups.Handler(context_of_request, context, "", request).run().session_groups)


def measured(group: Any) -> dict[str, float]:
    """The last values of a group, by curve."""
    return {value.name.tag: value.value for value in group.metric_values}


def test_the_page_shows_every_run_with_its_parameters_and_its_measures(tmp_path: Path) -> None:
    for number, lr in enumerate(LRS):
        practised(tmp_path / f"trial-{number}", lr)
    groups = session_groups(tmp_path)
    assert sorted(group.hparams["opt_paras.lr"].number_value for group in groups) == LRS
    for group in groups:
        [session] = group.sessions
        told = metrics(tmp_path / session.name.removesuffix("/events"))
        assert measured(group)["val/loss"] == pytest.approx(told[-1]["val_loss"])
        assert group.hparams["net_paras.activation[0].type"].string_value == "relu"
        assert group.hparams["net_paras.bn"].bool_value
        assert session.status == 1  # STATUS_SUCCESS


def test_a_run_that_goes_on_is_one_session_with_all_its_curves(tmp_path: Path) -> None:
    practised(tmp_path, 0.1, max_steps=5)
    practised(tmp_path, 0.1, max_steps=10)
    [group] = session_groups(tmp_path)
    assert len(group.sessions) == 1
    assert sorted(read_events(tmp_path / "events").scalars["val/loss"]) == [5, 10]


def test_a_run_that_does_not_stay_finite_has_failed(tmp_path: Path) -> None:
    with pytest.raises(NotFiniteError):
        practised(tmp_path, 1e30)
    [group] = session_groups(tmp_path)
    assert group.sessions[0].status == 2  # STATUS_FAILURE


def test_a_run_without_parameters_is_not_on_the_page(tmp_path: Path) -> None:
    small_kid(tmp_path, do_summary=True).practice()
    assert session_groups(tmp_path) == []

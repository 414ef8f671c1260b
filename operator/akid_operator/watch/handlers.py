"""The wiring to kopf, and all that is used of it: credentials and two watches."""

from __future__ import annotations

from typing import Any

import kopf

from akid.job.api.job import GROUP, PLURAL, VERSION
from akid_operator.watch.tracker import WatchTracker
from akid_operator.work.controller import Controller


def register(controller: Controller, config: Any, tracker: WatchTracker) -> kopf.OperatorRegistry:
    """A registry of handlers that feed a controller.

    Args:
        controller: what is fed. It ends before the watches do.
        config: of the official client, with its credentials.
        tracker: follows the watches.
    """
    registry: Any = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: object) -> kopf.AiohttpSession:
        return tracker.session(await connection(config))

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def job_event(event: Any, **_: object) -> None:
        controller.observe_job(event)

    @kopf.on.event("v1", "pods", registry=registry)
    async def pod_event(event: Any, **_: object) -> None:
        controller.observe_pod(event)

    del login, job_event, pod_event
    return registry


async def connection(config: Any) -> kopf.ConnectionInfo:
    """The credentials of the official client in kopf's form; asked for anew whenever the server refuses them."""
    key: str = await config.get_api_key_with_prefix("BearerToken") or ""
    scheme, _, token = key.rpartition(" ")
    return kopf.ConnectionInfo(
        server=config.host,
        ca_path=config.ssl_ca_cert,
        insecure=not config.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_path=config.cert_file,
        private_key_path=config.key_file,
    )

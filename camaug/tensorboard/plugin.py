"""HTTP server of the camaug tab."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tensorboard import plugin_util
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from camaug.tensorboard.blobs import PLUGIN
from camaug.tensorboard.data_source import DataSource, JsonResponse, NotLoggedError, Series
from camaug.tensorboard.multiplexer_reader import MultiplexerReader
from camaug.tensorboard.provider_reader import ProviderReader
from camaug.tensorboard.static_files import content_type, static_file

__all__ = ["CamaugPlugin"]

Response = wrappers.Response
Request = wrappers.Request

OWN_PAGES_ONLY = [("Cross-Origin-Resource-Policy", "same-origin")]  # no other page can show or load a response


class CamaugPlugin(base_plugin.TBPlugin):
    """HTTP routes of the tab, below ``data/plugin/camaug/``.

    ``runs``, ``snapshots``, ``maps``, ``mistakes`` and ``mistake_maps`` return the JSON of
    :class:`camaug.tensorboard.data_source.DataSource`, ``original`` and ``mistake_original`` a JPEG, and ``static/``
    the front end. Every error is JSON; a name that was not logged is a 404. No request changes anything, and browsers
    let no page of another origin read a response.

    Args:
        context: TensorBoard's context.
    """

    plugin_name = PLUGIN

    def __init__(self, context: base_plugin.TBContext) -> None:
        self._multiplexer = context.multiplexer
        self._provider = context.data_provider

    def get_plugin_apps(self) -> dict[str, Callable[..., Any]]:
        """Return the handler of each route."""
        return {
            "/runs": Request.application(self._runs),
            "/snapshots": Request.application(self._snapshots),
            "/maps": Request.application(self._maps),
            "/original": Request.application(self._original),
            "/mistakes": Request.application(self._mistakes),
            "/mistake_maps": Request.application(self._mistake_maps),
            "/mistake_original": Request.application(self._mistake_original),
            "/static/*": Request.application(self._static),
        }

    def is_active(self) -> bool:
        """Return True if any run has data for the tab. Otherwise TensorBoard lists the tab as inactive.

        With the fast loader TensorBoard does not call this method: it knows the active plugins from the event files.
        """
        return self._multiplexer is not None and bool(MultiplexerReader(self._multiplexer).tags())

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Return the tab's name and the module that renders it."""
        return base_plugin.FrontendMetadata(es_module_path="/static/index.js", tab_name="camaug")

    def _runs(self, request: Request) -> Response:
        return _json_response(request, lambda: self._data_source(request).runs())

    def _snapshots(self, request: Request) -> Response:
        return _json_response(request, lambda: self._data_source(request).snapshots(_series(request), _since(request)))

    def _maps(self, request: Request) -> Response:
        def read() -> JsonResponse:
            probes = request.args.getlist("probe")
            if not probes:
                raise ValueError("maps needs the argument 'probe', once for each image")
            return self._data_source(request).maps(_series(request), probes, _steps(request))

        return _json_response(request, read)

    def _original(self, request: Request) -> Response:
        def read() -> bytes:
            arguments = (_argument(request, name) for name in ("run", "prefix", "probe"))
            return self._data_source(request).original(*arguments)

        return _response(request, read, "image/jpeg")

    def _mistakes(self, request: Request) -> Response:
        def read() -> JsonResponse:
            return self._data_source(request).mistakes(_series(request), _integer(request, "step"))

        return _json_response(request, read)

    def _mistake_maps(self, request: Request) -> Response:
        def read() -> JsonResponse:
            return self._data_source(request).mistake_maps(_series(request), _integer(request, "step"))

        return _json_response(request, read)

    def _mistake_original(self, request: Request) -> Response:
        def read() -> bytes:
            step, slot = _integer(request, "step"), _integer(request, "slot")
            return self._data_source(request).mistake_original(_series(request), step, slot)

        return _response(request, read, "image/jpeg")

    def _static(self, request: Request) -> Response:
        name = request.path.partition("/static/")[2]
        return _response(request, lambda: static_file(name), content_type(name))

    def _data_source(self, request: Request) -> DataSource:
        if self._multiplexer is not None:
            return DataSource(MultiplexerReader(self._multiplexer))
        request_context = plugin_util.context(request.environ)
        return DataSource(ProviderReader(self._provider, request_context, plugin_util.experiment_id(request.environ)))


def _series(request: Request) -> Series:
    return Series(*(_argument(request, name) for name in Series._fields))


def _argument(request: Request, name: str) -> str:
    value = request.args.get(name)
    if value is None:
        raise ValueError(f"{request.path.rpartition('/')[2]} needs the argument {name!r}")
    return value


def _integer(request: Request, name: str) -> int:
    text = _argument(request, name)
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"`{name}` must be an integer, got {text!r}") from error


def _steps(request: Request) -> range | None:
    """Return the requested steps, ``first`` to ``last``, or None if the request names neither."""
    limits = [request.args.get(name) for name in ("first", "last")]
    if limits == [None, None]:
        return None
    try:
        first, last = (int(str(limit)) for limit in limits)
    except ValueError as error:
        raise ValueError(f"`first` and `last` must both be integers, got {limits[0]} and {limits[1]}") from error
    return range(first, last + 1)


def _since(request: Request) -> int | None:
    """Return the step after which snapshots are requested, or None for all."""
    since = request.args.get("since")
    try:
        return None if since is None else int(since)
    except ValueError as error:
        raise ValueError(f"`since` must be an integer, got {since}") from error


def _json_response(request: Request, read: Callable[[], JsonResponse]) -> Response:
    def read_json() -> str:
        return json.dumps(read(), separators=(",", ":"), allow_nan=False)

    return _response(request, read_json, "application/json")


def _response(request: Request, read: Callable[[], bytes | str], content_type: str) -> Response:
    """Respond with the content, or with its error as JSON. No data ever has the content type HTML."""
    if request.method not in ("GET", "HEAD"):
        return _error_response(request, f"expected the method GET, got {request.method}", 405)
    try:
        response: Response = http_util.Respond(request, read(), content_type, headers=OWN_PAGES_ONLY)
        return response
    except (NotLoggedError, FileNotFoundError) as error:
        return _error_response(request, error, 404)
    except ValueError as error:
        return _error_response(request, error, 400)


def _error_response(request: Request, error: object, code: int) -> Response:
    content = {"error": str(error)}
    response: Response = http_util.Respond(request, content, "application/json", code=code, headers=OWN_PAGES_ONLY)
    return response

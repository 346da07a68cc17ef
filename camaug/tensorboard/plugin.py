"""The server of the camaug tab."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tensorboard import plugin_util
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from camaug.tensorboard.blobs import PLUGIN
from camaug.tensorboard.multiplexer_reader import MultiplexerReader
from camaug.tensorboard.provider_reader import ProviderReader
from camaug.tensorboard.source import JsonResponse, NotLoggedError, Series, Source
from camaug.tensorboard.static_files import content_type, static_file

__all__ = ["CamaugPlugin"]

Response = wrappers.Response
Request = wrappers.Request


class CamaugPlugin(base_plugin.TBPlugin):
    """Answers what the front end asks, below ``data/plugin/camaug/``.

    ``runs``, ``looks``, ``maps`` and ``original`` are :class:`camaug.tensorboard.source.Source`'s, in JSON but the
    last; ``static/`` has the front end. What is asked for is looked up among what there is; nothing else is an error
    404, in JSON as every error.

    Args:
        context: TensorBoard's.
    """

    plugin_name = PLUGIN

    def __init__(self, context: base_plugin.TBContext) -> None:
        self._multiplexer = context.multiplexer
        self._provider = context.data_provider

    def get_plugin_apps(self) -> dict[str, Callable[..., Any]]:
        """What is answered under which path."""
        return {
            "/runs": Request.application(self._runs),
            "/looks": Request.application(self._looks),
            "/maps": Request.application(self._maps),
            "/original": Request.application(self._original),
            "/static/*": Request.application(self._static),
        }

    def is_active(self) -> bool:
        """Whether there is something to show; where there is not, the tab stands among TensorBoard's inactive ones.

        With the fast loader TensorBoard does not ask: it knows by the name under which the data are logged.
        """
        return self._multiplexer is not None and bool(MultiplexerReader(self._multiplexer).tags())

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """The tab's name, and the module that draws it."""
        return base_plugin.FrontendMetadata(es_module_path="/static/index.js", tab_name="camaug")

    def _runs(self, request: Request) -> Response:
        return _json(request, lambda: self._source(request).runs())

    def _looks(self, request: Request) -> Response:
        return _json(request, lambda: self._source(request).snapshots(_series(request)))

    def _maps(self, request: Request) -> Response:
        def answer() -> JsonResponse:
            probes = request.args.getlist("probe")
            if not probes:
                raise ValueError("maps needs the argument 'probe', once for each image")
            return self._source(request).maps(_series(request), probes, _epochs(request))

        return _json(request, answer)

    def _original(self, request: Request) -> Response:
        def read() -> bytes:
            return self._source(request).original(*(_asked(request, name) for name in ("run", "prefix", "probe")))

        return _respond(request, read, "image/jpeg")

    def _static(self, request: Request) -> Response:
        name = request.path.partition("/static/")[2]
        return _respond(request, lambda: static_file(name), content_type(name))

    def _source(self, request: Request) -> Source:
        if self._multiplexer is not None:
            return Source(MultiplexerReader(self._multiplexer))
        of = plugin_util.context(request.environ), plugin_util.experiment_id(request.environ)
        return Source(ProviderReader(self._provider, *of))


def _series(request: Request) -> Series:
    return Series(*(_asked(request, name) for name in Series._fields))


def _asked(request: Request, name: str) -> str:
    value = request.args.get(name)
    if value is None:
        raise ValueError(f"{request.path.rpartition('/')[2]} needs the argument {name!r}")
    return value


def _epochs(request: Request) -> range | None:
    """The epochs from ``first`` to ``last`` that are asked for; None for all."""
    given = [request.args.get(name) for name in ("first", "last")]
    if given == [None, None]:
        return None
    try:
        first, last = (int(str(number)) for number in given)
    except ValueError as error:
        raise ValueError(f"`first` and `last` are both epochs, whole numbers, got {given[0]} and {given[1]}") from error
    return range(first, last + 1)


def _json(request: Request, answer: Callable[[], JsonResponse]) -> Response:
    return _respond(request, lambda: json.dumps(answer(), separators=(",", ":"), allow_nan=False), "application/json")


def _respond(request: Request, answer: Callable[[], bytes | str], content_type: str) -> Response:
    """The answer; what was asked wrongly is an error in JSON. Nothing here is ever read as HTML but our own page."""
    if request.method not in ("GET", "HEAD"):
        return _error(request, f"{request.method} is not answered, expected GET", 405)
    try:
        response: Response = http_util.Respond(request, answer(), content_type)
        return response
    except (NotLoggedError, FileNotFoundError) as error:
        return _error(request, error, 404)
    except ValueError as error:
        return _error(request, error, 400)


def _error(request: Request, error: object, code: int) -> Response:
    response: Response = http_util.Respond(request, {"error": str(error)}, "application/json", code=code)
    return response

"""A client of MLflow's server: reached over HTTP, patient for half a minute, and with errors of our own tree."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from requests import RequestException

from market.errors import RegistryError, ServerUnavailable, VersionMissing
from registry.server import answers, environment


@contextmanager
def connect(uri: str) -> Iterator[MlflowClient]:
    """Yield a client of a server that answers; turn MLflow's errors into ours."""
    if not uri.startswith(("http://", "https://")):
        remedy = "start a server over that store and name its address"
        raise ServerUnavailable(f"MLFLOW_TRACKING_URI: expected an http address, found '{uri}'; {remedy}")
    if not answers(uri):
        remedy = "start the server or correct MLFLOW_TRACKING_URI"
        raise ServerUnavailable(f"tracking server {uri}: expected an answer, found none; {remedy}")
    settings = {
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        # The default of 7 hangs for minutes on a server that went away; 4 is half a minute.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": os.environ.get("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4"),
    }
    with environment(**settings):
        try:
            yield MlflowClient(tracking_uri=uri, registry_uri=uri)
        except MlflowException as error:
            kind = VersionMissing if error.error_code == "RESOURCE_DOES_NOT_EXIST" else RegistryError
            raise kind(f"tracking server {uri}: {error.message}; `pregao ui` shows what it holds") from error
        except RequestException as error:
            remedy = "look at the server's log and its artifact store"
            raise RegistryError(f"tracking server {uri}: expected an answer, found {error}; {remedy}") from error


def pages(search: Any) -> Iterator[Any]:
    """Yield the entries of every page of an MLflow search."""
    token: str | None = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


def unless_present(create: Any) -> None:
    """Create something, unless it is there already."""
    try:
        create()
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise

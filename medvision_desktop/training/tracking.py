"""Runs in MLflow's own files, beside the runs: parameters, curves, hashes, environment, what came of them.

The store is a folder of plain files (`mlruns`). Nothing listens and nothing is sent: MLflow's telemetry is
switched off before it is imported. `run.json` is the record; a training goes on where MLflow cannot write.
To look at it: `MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri RUNS/mlruns`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from medvision_desktop.errors import Cancelled
from medvision_desktop.modelkit.manifest import Manifest
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.training import run_record
from medvision_desktop.training.machine import is_helper

FOLDER: Final = "mlruns"
ID: Final = "mlflow.txt"
HISTORY: Final = "history.jsonl"
# MLflow reads these when it is imported: no telemetry, and files may be written.
_ENVIRONMENT: Final[Mapping[str, str]] = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
}
_MOST_CHARACTERS: Final = 500
_NOT_IN_KEYS: Final = re.compile(r"[^\w\-. /]")
_MOST_AT_ONCE: Final = 500
_log = logging.getLogger(__name__)


def begun(run: Path) -> None:
    """Enter a run of which `run.json` is written; one that goes on is found again."""
    record = run_record.read(run)

    def write(client: Any) -> None:
        identity = _identity(run)
        if identity and _is_there(client, identity):
            client.update_run(identity, status="RUNNING")
            return
        name = str(record["recipe"]["name"])
        known = client.get_experiment_by_name(name)
        experiment = known.experiment_id if known else client.create_experiment(name)
        made = client.create_run(experiment, run_name=f"{name} {record.get('began_utc', '')}")
        identity = made.info.run_id
        (run / ID).write_text(f"{identity}\n", encoding="utf-8")
        for key, value in _flat(record):
            client.log_param(identity, _key(key), str(value)[:_MOST_CHARACTERS])

    _written(run, write)


def ended(run: Path, manifest: Manifest | None = None, *, status: str = "FINISHED") -> None:
    """Enter the curves of a run, its result, and the numbers of the package that was made of it."""

    def write(client: Any) -> None:
        from mlflow.entities import Metric

        identity = _identity(run)
        if not identity or not _is_there(client, identity):
            return
        known = set(client.get_run(identity).data.metrics)
        now = round(time.time() * 1000)
        points = []
        for name, value, step in (*_curves(run), *_numbers(run, manifest)):
            last = _last_step(client, identity, name) if name in known else -1
            if step > last:
                points.append(Metric(name, value, now, step))
        for start in range(0, len(points), _MOST_AT_ONCE):
            client.log_batch(identity, metrics=points[start : start + _MOST_AT_ONCE])
        if manifest is not None:
            client.set_tag(identity, "package", f"{manifest.name} {manifest.version}")
            client.set_tag(identity, "weights_sha256", manifest.sha256(manifest.executed))
        client.set_terminated(identity, status=status)

    _written(run, write)


@contextlib.contextmanager
def followed(run: Path) -> Iterator[list[ModelPackage]]:
    """Enter a run and how it ends; takes the package that is made of it. A helper process says nothing."""
    made: list[ModelPackage] = []
    if is_helper():
        yield made
        return
    begun(run)
    try:
        yield made
    except BaseException as error:
        ended(run, status="KILLED" if isinstance(error, Cancelled) else "FAILED")
        raise
    ended(run, made[0].manifest if made else None)


def staged(run: Path, stage: str) -> None:
    """Enter the stage that the package of a run has in the registry of models."""

    def write(client: Any) -> None:
        identity = _identity(run)
        if identity and _is_there(client, identity):
            client.set_tag(identity, "stage", stage)

    _written(run, write)


def _written(run: Path, write: Any) -> None:
    """Let `write` use a client. What MLflow cannot do is no reason to lose a training: it is logged."""
    os.environ.update(_ENVIRONMENT)
    try:
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        from mlflow.tracking import MlflowClient

        write(MlflowClient(tracking_uri=(run.parent / FOLDER).resolve().as_uri()))
    except Exception as error:  # noqa: BLE001 - another program's library; the record of a run is run.json
        _log.info("mlflow could not write: %s", type(error).__name__)


def _is_there(client: Any, identity: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        client.get_run(identity)
    except MlflowException:
        return False
    return True


def _identity(run: Path) -> str:
    try:
        return (run / ID).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _last_step(client: Any, identity: str, name: str) -> int:
    return max((point.step for point in client.get_metric_history(identity, name)), default=-1)


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _curves(run: Path) -> Iterator[tuple[str, float, int]]:
    """(name, value, epoch) of every finished epoch, parts of a cross-validation under their names."""
    for path in (*sorted(run.glob(f"*/{HISTORY}")), run / HISTORY):
        part = "" if path.parent == run else f"{path.parent.name}/"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            row = json.loads(line)
            for name, value in row.items():
                if name != "epoch" and isinstance(value, int | float) and math.isfinite(value):
                    yield _key(f"{part}{name}"), float(value), int(row["epoch"])


def _numbers(run: Path, manifest: Manifest | None) -> Iterator[tuple[str, float, int]]:
    """What stands once a run is over: hours, the best epoch, and what its package was measured to do."""
    record = run_record.read(run)
    said = {"hours": record.get("hours"), **{f"best/{k}": v for k, v in record.get("result", {}).items()}}
    epoch = int(record.get("result", {}).get("epoch") or 0)
    for name, value in said.items():
        if isinstance(value, int | float) and math.isfinite(value):
            yield _key(name), float(value), epoch
    for metric in manifest.metrics if manifest is not None else ():
        if math.isfinite(metric.value):
            yield _key(f"{metric.fold}/{metric.name} {metric.label}".strip()), metric.value, epoch


def _key(name: str) -> str:
    """A name as MLflow takes it, which is a path of its files."""
    plain = _NOT_IN_KEYS.sub("_", name).strip("/. ")
    return "/".join(part.strip(". ") or "_" for part in plain.split("/"))[:200]

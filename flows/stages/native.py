"""The learners in their libraries' own formats, beside the bundle: for the registry, never for trading."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from market.types import Regime
from models.learners import Fitted

_LIGHTGBM, _XGBOOST, _FOREST = ".lgb.txt", ".ubj", ".skops"
_TRUSTED = ["sklearn.tree._tree.Tree"]  # the one compiled type inside a forest


def save_native(folder: Path, fitted: Mapping[Regime, Fitted]) -> None:
    """Write one file per regime and learner that has weight: LightGBM text, XGBoost UBJSON, a forest as skops."""
    import lightgbm
    import skops.io
    import xgboost

    folder.mkdir(parents=True, exist_ok=True)
    for regime, one in fitted.items():
        for kind, member in one.heard.items():
            stem = folder / f"{regime.name.lower()}_{kind.name.lower()}"
            if isinstance(member.native, lightgbm.Booster):
                member.native.save_model(f"{stem}{_LIGHTGBM}")
            elif isinstance(member.native, xgboost.Booster):
                member.native.save_model(f"{stem}{_XGBOOST}")
            else:
                skops.io.dump(member.native, f"{stem}{_FOREST}")


def load_native(folder: Path) -> dict[str, Any]:
    """Read what `save_native` wrote, by regime and learner; nothing is unpickled."""
    import lightgbm
    import skops.io
    import xgboost

    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        name = path.name.split(".")[0]
        if path.name.endswith(_LIGHTGBM):
            found[name] = lightgbm.Booster(model_file=str(path))
        elif path.name.endswith(_XGBOOST):
            found[name] = xgboost.Booster(model_file=str(path))
        elif path.name.endswith(_FOREST):
            found[name] = skops.io.load(path, trusted=_TRUSTED)
    return found

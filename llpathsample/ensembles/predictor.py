"""An ensemble as a landscape file of its own: its members, and how they are combined."""

from dataclasses import replace

import numpy as np

from llcommon.combining import Ensemble
from llcommon.data import Rows
from llcommon.store import Landscape


def made_predictor(landscape: Landscape, ensemble: Ensemble, validation: Rows | None) -> None:
    """Turn a landscape into a predictor: only the members of a fitted ensemble stay, by rising loss, and it predicts.

    validation: the rows that the combination was fitted on, None if it was on none.
    """
    about = {**ensemble.about, "minima_of_landscape": ensemble.members.tolist()}
    if validation is not None:
        about["validation"] = {
            "source": validation.source, "sha256": validation.sha256, "rows": len(validation.features)
        }
    landscape.forget_search()
    landscape.training.take(np.empty(0, dtype=np.int64))
    landscape.ensemble = replace(ensemble, about=about)
    landscape.keep(ensemble.members, np.empty(0, dtype=np.int64))

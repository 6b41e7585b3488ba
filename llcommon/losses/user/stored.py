"""A user's loss model as a landscape file holds it: its source has not been run."""

from dataclasses import dataclass

from llcommon import trust
from llcommon.config import FreeTable
from llcommon.errors import ConfigError, InputError
from llcommon.losses.user.source import FILE, Source


@dataclass(frozen=True)
class StoredModel:
    """Answers what the file alone can tell of a model; `ready` gives the model itself.

    dimension, bounded, symmetric, suggested_temperature, notes_stored: as of a LossModel. place: the landscape file,
    for messages.
    """

    name: str
    parameters: FreeTable
    data: object
    source: Source
    dimension: int
    bounded: bool
    symmetric: bool
    suggested_temperature: float
    notes_stored: tuple[str, ...]
    place: str

    def notes(self) -> list[str]:
        """As of a LossModel."""
        return list(self.notes_stored)

    def suite_order(self) -> None:
        """As of a LossModel: the suite has no models of users."""
        return None

    def suite_keywords(self) -> None:
        """As of a LossModel."""
        return None

    def degrees_of_freedom(self, x) -> int:
        """As of a LossModel; errors as of `ready`."""
        return self.ready().degrees_of_freedom(x)

    def log_group_order(self) -> float:
        """As of a LossModel; errors as of `ready`."""
        return self.ready().log_group_order()

    def ready(self):
        """The model, from its source, which is run. ConfigError unless there is leave to run it.

        An installed entry point is code of this machine and needs none. InputError if the source's model is another
        than the file says.
        """
        if self.source.kind == FILE and not trust.granted():
            raise ConfigError(
                f"{self.place} holds the source of its loss model {self.name}, which must be run for this: read it "
                "with `llgmin show --source`, and give --trust if it may be run"
            )
        from llcommon.losses.user.model import UserModel

        model = UserModel(self.source, self.parameters, self.data)
        for what in ("dimension", "bounded", "symmetric"):
            stored, found = getattr(self, what), getattr(model, what)
            if stored != found:
                raise InputError(
                    f"{self.place} is not of the loss model that its source makes here ({what}: {stored} in the file, "
                    f"{found} here); use the versions of the packages that made it"
                )
        return model

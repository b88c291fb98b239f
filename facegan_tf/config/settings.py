"""All settings of a run. Each is documented beside its field, in the module of its block."""

import re
from typing import Annotated

from pydantic import Field, PrivateAttr, field_validator, model_validator

from facegan_tf.config.augment import AugmentSettings
from facegan_tf.config.base import Changeable, Settings, WrongSetting
from facegan_tf.config.data import DataSettings
from facegan_tf.config.evaluation import EvaluationSettings
from facegan_tf.config.grids import GridSettings
from facegan_tf.config.networks import NetworkSettings
from facegan_tf.config.objective import ObjectiveSettings
from facegan_tf.config.optimizers import OptimizersSettings
from facegan_tf.config.places import Places
from facegan_tf.config.safe_yaml import dump_yaml
from facegan_tf.config.training import TrainingSettings


class Config(Settings):
    """Everything that a run depends on."""

    name: Changeable[str] = Field(max_length=100)
    """Name of the run; its directory is outputs/NAME unless another is given."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of every random draw in the run."""
    data: DataSettings
    networks: Annotated[NetworkSettings, Field(discriminator="family")]
    augment: AugmentSettings = AugmentSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    optimizers: OptimizersSettings
    training: TrainingSettings
    grids: GridSettings = GridSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    _places: Places = PrivateAttr(default_factory=Places)

    @field_validator("name")
    @classmethod
    def _name_is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ValueError(
                "must have only letters, digits, '.', '_' and '-', and begin with a letter or a digit"
            )
        return name

    @model_validator(mode="after")
    def _size_fits_networks(self) -> "Config":
        if problem := self.networks.size_problem(self.data.size):
            raise WrongSetting("data.size", self.data.size, problem)
        return self

    @model_validator(mode="after")
    def _fakes_vary_apart_from_reals(self) -> "Config":
        networks, joint = self.networks, self.objective.batching == "joint"
        if joint and networks.family == "dcgan" and networks.discriminator.minibatch_std:
            problem = "needs fakes and reals in batches of their own; set objective.batching to split"
            raise WrongSetting("networks.discriminator.minibatch_std", True, problem)
        return self

    def place_of(self, name: str) -> str | None:
        """Where the setting `name` is written: `FILE: line 12`, or `--set`.

        name: full path of a setting, such as `training.batch_size`, or of a block of settings. Returns None
        if it is not written, so that its default applies, or if `load_config` did not make this config.
        """
        return self._places.of(name)

    def to_yaml(self) -> str:
        """All settings as YAML, the defaults included, in the order of the fields."""
        return dump_yaml(self.model_dump(mode="json"))

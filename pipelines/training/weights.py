"""A trained model on disk: its tensors in safetensors."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as parsed
from safetensors.torch import save as serialized

from models.stems import Model
from pipelines.runtime.files import write_bytes
from pipelines.runtime.user_error import UserError
from pipelines.tasks import Task
from pipelines.training.contender_settings import ContenderSettings
from pipelines.training.job import build_model


def save_weights(model: Model, path: Path) -> None:
    """Write `path`.safetensors; the same weights give the same bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(model.state_dict().items())}
    write_bytes(path.with_suffix(".safetensors"), serialized(tensors))


def load_model(architecture: str, task: Task, settings: ContenderSettings[Any], path: Path) -> Model:
    """Read back what `save_weights` wrote, on the CPU, in evaluation mode.

    Raises:
        UserError: if the file is damaged, or of other settings.
    """
    model = build_model(architecture, task, settings)
    weights_path = path.with_suffix(".safetensors")
    try:
        model.load_state_dict(parsed(weights_path.read_bytes()))
    except (SafetensorError, RuntimeError) as error:  # cut short, or the weights of other settings
        raise UserError(
            f"{weights_path} does not fit: {str(error).splitlines()[0]}; `dvc repro` makes it again"
        ) from None
    return model.eval()

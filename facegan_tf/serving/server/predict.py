"""The REST protocol of TensorFlow Serving: `/v1/models/NAME`, its metadata, and `:predict`.

Source: https://www.tensorflow.org/tfx/serving/api_rest
"""

from typing import Any

import numpy as np
import orjson
from fastapi import APIRouter, Request, Response

from facegan_tf.serving import pictures
from facegan_tf.serving.server import tensors
from facegan_tf.serving.server.errors import REFUSALS, ErrorBody, RefusedError
from facegan_tf.serving.server.service import Served, Service

NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorBody, "description": "There is no such model, or no such version of it."}
}
TOO_LARGE: dict[int | str, dict[str, Any]] = {
    408: {"model": ErrorBody, "description": "The body took too long to arrive."},
    413: {"model": ErrorBody, "description": "The body is too large."},
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "signature_name": {"type": "string", "enum": list(tensors.INPUTS)},
                        "instances": {"type": "array", "items": {}},
                        "inputs": {},
                    },
                },
                "examples": {
                    "column": {
                        "summary": "PNG files of three seeds",
                        "value": {
                            "signature_name": "sample",
                            "inputs": {"seeds": [1, 2, 3], "truncation": 0.7},
                        },
                    },
                    "row": {
                        "summary": "The same, with a row for each face",
                        "value": {
                            "signature_name": "sample",
                            "instances": [{"seeds": 1, "truncation": 0.7}, {"seeds": 2, "truncation": 0.7}],
                        },
                    },
                },
            }
        },
    }
}


def predict_routes(service: Service) -> APIRouter:
    """The routes of the protocol."""
    routes = APIRouter(prefix="/v1/models", tags=["TensorFlow Serving"])

    @routes.get("/{name}", responses=NOT_FOUND)
    @routes.get("/{name}/versions/{version}", responses=NOT_FOUND)
    async def model_status(name: str, version: str | None = None) -> dict[str, Any]:
        """Whether the model can be used."""
        served = _find(service, name, version, f"Could not find any versions of model {name}")
        available = {
            "version": str(served.model.version),
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
        return {"model_version_status": [available]}

    @routes.get("/{name}/metadata", responses=NOT_FOUND)
    @routes.get("/{name}/versions/{version}/metadata", responses=NOT_FOUND)
    async def model_metadata(name: str, version: str | None = None) -> dict[str, Any]:
        """The signatures, with the type and the shape of each tensor."""
        model = _find(service, name, version, f"Servable not found for request: Latest({name})").model
        return tensors.metadata(name, model.version, model.generator.latent_dim, model.size)

    answers: dict[int | str, dict[str, Any]] = {
        200: {"description": "The outputs."},
        **REFUSALS,
        **NOT_FOUND,
        **TOO_LARGE,
    }

    @routes.post("/{name}:predict", responses=answers, openapi_extra=_BODY)
    @routes.post("/{name}/versions/{version}:predict", responses=answers, openapi_extra=_BODY)
    async def predict(request: Request, name: str, version: str | None = None) -> Response:
        """Draw faces from latents (`serving_default`, `png`), or from seeds (`sample`)."""
        content = await service.bodies.read(request)
        # Only now: if the model was reloaded while the body arrived, the old one's queue is closed.
        served = _find(service, name, version, f"Servable not found for request: Latest({name})")
        body = _parsed(content)
        signature = tensors.signature_of(body)
        inputs, in_rows = tensors.inputs_of(body, signature)
        latents = _latents(served, inputs)
        del content, body, inputs
        faces = await service.draw(served, latents)
        content = await service.encode(_encoded, faces, signature, in_rows)
        return Response(content, media_type="application/json")

    return routes


def malformed(request: Request) -> None:
    """Refuse any other path below `/v1`, as TensorFlow Serving does."""
    raise RefusedError(400, f"Malformed request: {request.method} {request.url.path}")


def _find(service: Service, name: str, version: str | None, otherwise: str) -> Served:
    served = service.current
    if name != service.name or version not in (None, str(served.model.version)):
        raise RefusedError(404, otherwise)
    return served


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, f"JSON Parse error: {error}") from None
    if not isinstance(body, dict):
        raise RefusedError(400, "JSON Parse error: the body must be an object")
    return body


def _latents(served: Served, inputs: dict[str, Any]) -> np.ndarray:
    """The latents float32 [N, L] that the inputs ask for, whichever signature they belong to.

    Raises RefusedError or InputError for a wrong value.
    """
    generator = served.model.generator
    if "latents" in inputs:
        return tensors.latents_of(inputs["latents"], generator.latent_dim, served.max_faces)
    seeds = tensors.seeds_of(inputs["seeds"], served.max_faces)
    truncation = tensors.truncation_of(inputs["truncation"], len(seeds))
    if not seeds:
        return np.zeros((0, generator.latent_dim), np.float32)
    return generator.latents(seeds, truncation)


def _encoded(faces: np.ndarray, signature: str, in_rows: bool) -> bytes:
    outputs: dict[str, Any] = {}
    if "image_bytes" in tensors.OUTPUTS[signature]:
        outputs["image_bytes"] = [tensors.as_b64(pictures.face_png(face)) for face in faces]
    if "images" in tensors.OUTPUTS[signature]:
        outputs["images"] = faces
    return orjson.dumps(tensors.answer_of(outputs, in_rows), option=orjson.OPT_SERIALIZE_NUMPY)

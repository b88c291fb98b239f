"""The folders of cloud platforms."""

import pytest

from facegan_tf.config.platforms import photos_of_platform, results_of_platform


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({}, None),
        ({"SM_CHANNELS": '["training", "test"]', "SM_CHANNEL_TRAINING": "/in/training"}, "/in/training"),
        ({"SM_CHANNELS": '["faces"]', "SM_CHANNEL_FACES": "/in/faces"}, "/in/faces"),
        ({"SM_CHANNELS": '["a", "b"]', "SM_CHANNEL_A": "/in/a", "SM_CHANNEL_B": "/in/b"}, None),
        ({"SM_CHANNELS": "{"}, None),
        ({"AIP_TRAINING_DATA_URI": "gs://bucket/photos.zip"}, "/gcs/bucket/photos.zip"),
    ],
)
def test_photos(environment, path):
    found = photos_of_platform(environment)
    assert (found and found.path) == path


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({}, None),
        ({"SM_MODEL_DIR": "/opt/ml/model"}, "/opt/ml/model"),
        ({"AIP_MODEL_DIR": "gs://bucket/run/model/"}, "/gcs/bucket/run/model"),
    ],
)
def test_results(environment, path):
    found = results_of_platform(environment)
    assert (found and found.path) == path

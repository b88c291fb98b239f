"""What the server answers: pictures, TensorFlow Serving's REST protocol, limits and refusals."""

import asyncio
import base64
import http.client
import io
import json
import socket
import time
import tracemalloc
import urllib.request
from unittest import mock

import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image
from uvicorn.server import ServerState

from facegan_tf import load_generator
from facegan_tf.run.restore import LAST, RunState
from facegan_tf.serving import pictures
from facegan_tf.serving.batching import Batcher, QueueFullError
from facegan_tf.serving.interpolation import round_trip, slerp
from facegan_tf.serving.sampling import write_interpolation, write_samples
from facegan_tf.serving.server.app import build_app
from facegan_tf.serving.server.body import Bodies
from facegan_tf.serving.server.limits import Limits
from facegan_tf.serving.server.protocol import impatient_protocol
from facegan_tf.serving.server.service import Service
from tests.helpers.configs import tiny_config
from tests.helpers.served import listening, untrained_run

PREDICT = "/v1/models/faces:predict"
LATENT_DIM = 4


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    untrained_run(folder, tiny_config())
    return folder


@pytest.fixture(scope="module")
def service(run):
    return Service(run, "faces", limits=Limits(body_bytes=20_000, body_seconds=0.5, head_seconds=0.5))


@pytest.fixture(scope="module")
def client(service):
    with TestClient(build_app(service), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def generator(run):
    return load_generator(run)


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def error_of(answer, status):
    assert answer.status_code == status, answer.text
    content = answer.json()
    assert list(content) == ["error"] and "Traceback" not in content["error"]
    return content["error"]


def test_pictures_are_the_bytes_of_facegan_sample_and_interpolate(run, client, tmp_path):
    write_samples(run, tmp_path / "samples", count=6, seed=5, truncation=0.7)
    for seed in range(5, 11):
        answer = client.get(f"/faces/{seed}.png?truncation=0.7")
        assert answer.content == (tmp_path / "samples" / f"face_{seed:06d}.png").read_bytes()
        assert answer.headers["content-type"] == "image/png"
    grid = client.get("/grid.png?seeds=5-10&truncation=0.7")
    assert grid.content == (tmp_path / "samples" / "grid.png").read_bytes()
    write_interpolation(run, tmp_path / "walk.gif", [1, 2, 5], frames=3)
    walk = client.get("/walk.gif?seeds=1,2,5&frames=3")
    assert walk.content == (tmp_path / "walk.gif").read_bytes()


def test_a_face_can_be_mixed_moved_and_resized(service, client, generator):
    start, end = generator.latents([3, 8])
    vectors = service.current.model.directions.vectors
    latents = np.float32(0.5) * slerp(start, end, 0.25).astype(np.float32) + 1.5 * vectors[1] - 2 * vectors[0]
    url = "/faces/3.png?truncation=0.5&mix=8&share=0.25&directions=1:1.5,0:-2"
    np.testing.assert_array_equal(pixels(client.get(url).content), generator.draw(latents[np.newaxis])[0])
    assert pixels(client.get(f"{url}&size=50").content).shape == (50, 50, 3)


def test_grids_and_walks_can_be_truncated_and_resized(client, generator):
    latents = round_trip(generator.latents([1, 2]), 3) * np.float32(0.5)
    walk = client.get("/walk.gif?seeds=1,2&frames=3&truncation=0.5&size=48")
    assert walk.content == pictures.walk_gif(generator.draw(latents), 48)
    grid = client.get("/grid.png?seeds=1,2&truncation=0.5&size=48")
    assert grid.content == pictures.grid_png(generator.sample([1, 2], 0.5), 48)


def test_what_a_browser_has_is_not_sent_again(service, client):
    first = client.get("/faces/1.png")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/faces/1.png", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    others = (
        "/faces/2.png",
        "/faces/1.png?truncation=0.5",
        "/faces/1.png?size=16",
        "/grid.png?seeds=1",
        "/grid.png?seeds=1&truncation=0.5",
        "/walk.gif?seeds=1&frames=2",
        "/walk.gif?seeds=1&frames=2&truncation=0.5",
    )
    assert len({client.get(other).headers["etag"] for other in others} | {first.headers["etag"]}) == 8
    version = client.get("/model.json").json()["version"]
    assert "immutable" in client.get(f"/faces/1.png?v={version}").headers["cache-control"]
    assert client.get("/faces/1.png?v=old").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/faces/-1.png", "seed"),
        (f"/faces/{2**63}.png", "seed"),
        ("/faces/abc.png", "seed"),
        ("/faces/1.png?truncation=nan", "truncation"),
        ("/faces/1.png?truncation=0", "truncation"),
        ("/faces/1.png?truncation=1e308", "truncation"),
        ("/faces/1.png?size=100000", "size"),
        ("/faces/1.png?mix=-1", "mix"),
        (f"/faces/1.png?mix={2**63}", "mix"),
        ("/faces/1.png?directions=99:1", "directions"),
        ("/grid.png?seeds=0-10000000", "seeds"),
        ("/grid.png?seeds=0-399&size=1024", "size"),
        ("/walk.gif?seeds=1-99&frames=100", "frames"),
    ],
)
def test_an_impossible_picture_is_refused_and_the_wrong_parameter_named(client, url, name):
    assert name in error_of(client.get(url), 400)


def test_a_walk_says_how_many_frames_it_may_have_where_the_queue_holds_few_faces(
    service, client, monkeypatch
):
    monkeypatch.setattr(service.current, "max_faces", 21)  # as for 512 pixels
    answer = error_of(client.get("/walk.gif?seeds=1-3"), 400)
    assert "frames" in answer and "at most 7" in answer
    walk = Image.open(io.BytesIO(client.get("/walk.gif?seeds=1-3&frames=7").content))
    assert walk.n_frames == 21
    assert "more than 10 faces" in error_of(client.get("/walk.gif?seeds=1-11&frames=2"), 400)


def predicted(client, **body):
    answer = client.post(PREDICT, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_predict_takes_rows_and_columns_as_tensorflow_serving_does(client, generator):
    latents = generator.latents([1, 2])
    images = generator.sample([1, 2], [0.5, 1.0]).tolist()
    drawn = generator.draw(latents).tolist()
    assert predicted(client, instances=latents.tolist()) == {"predictions": drawn}
    assert predicted(client, instances=[{"latents": row} for row in latents.tolist()]) == {
        "predictions": drawn
    }
    assert predicted(client, inputs=latents.tolist()) == {"outputs": drawn}
    assert predicted(client, inputs={"latents": latents.tolist()}) == {"outputs": drawn}
    rows = predicted(
        client,
        signature_name="sample",
        instances=[{"seeds": 1, "truncation": 0.5}, {"seeds": 2, "truncation": 1}],
    )["predictions"]
    columns = predicted(client, signature_name="sample", inputs={"seeds": [1, 2], "truncation": [0.5, 1.0]})[
        "outputs"
    ]
    assert [row["images"] for row in rows] == columns["images"] == images
    shared = predicted(client, signature_name="sample", inputs={"seeds": [1, 2], "truncation": 0.5})
    assert shared["outputs"]["images"] == generator.sample([1, 2], 0.5).tolist()
    for row, file, image in zip(rows, columns["image_bytes"], images, strict=True):
        assert row["image_bytes"] == file
        np.testing.assert_array_equal(pixels(base64.b64decode(file["b64"])), image)
    files = predicted(client, signature_name="png", instances=latents.tolist())["predictions"]
    np.testing.assert_array_equal(pixels(base64.b64decode(files[1]["b64"])), drawn[1])
    none = predicted(client, signature_name="sample", inputs={"seeds": [], "truncation": 1.0})
    assert none == {"outputs": {"images": [], "image_bytes": []}}


ROW = [0.0] * LATENT_DIM


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "JSON Parse error"),
        ("[1]", "JSON Parse error"),
        ('{"instances": [[NaN, 0, 0, 0]]}', "JSON Parse error"),
        ("[" * 5000, "JSON Parse error"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"instances": [ROW], "inputs": [ROW]}, "both"),
        ({"instances": []}, "instances"),
        ({"instances": [[0.0] * 3]}, "latents"),
        ({"instances": [ROW, [0.0]]}, "latents"),
        ({"instances": [["a"] * 4]}, "latents"),
        ({"instances": [[1e308] * 4]}, "latents: must be finite"),
        ({"instances": [[True] * 4]}, "latents"),
        ({"instances": [[1.0, 2.0, True, 3.0]]}, "latents"),
        ({"instances": [[[[ROW]]]]}, "shape [1, 1, 1, 1, 4]"),
        ({"instances": "[" * 40 + "]" * 40}, "instances"),
        ({"instances": [ROW] * 401}, "400"),
        ({"instances": [{"latents": ROW}, {"other": ROW}]}, "same keys"),
        ({"instances": [{"other": ROW}]}, "latents"),
        ({"inputs": {"b64": "AAAA"}}, "latents"),
        ({"signature_name": "nope", "instances": [ROW]}, 'Serving signature name: "nope" not found'),
        ({"signature_name": ["png"], "instances": [ROW]}, "not found in signature def"),
        ({"signature_name": "sample", "inputs": [1]}, "seeds, truncation"),
        ({"signature_name": "sample", "inputs": {"seeds": [1]}}, "truncation"),
        ({"signature_name": "sample", "inputs": {"seeds": [2**63], "truncation": 1}}, "seeds"),
        ({"signature_name": "sample", "inputs": {"seeds": [-1], "truncation": 1}}, "seeds"),
        ({"signature_name": "sample", "inputs": {"seeds": [1.5], "truncation": 1}}, "seeds"),
        ({"signature_name": "sample", "inputs": {"seeds": [1], "truncation": 1e39}}, "truncation"),
        ({"signature_name": "sample", "inputs": {"seeds": [1, 2], "truncation": [1]}}, "truncation"),
    ],
)
def test_a_wrong_body_is_refused_with_the_reason(client, body, words):
    content = body if isinstance(body, str) else json.dumps(body)
    assert words in error_of(client.post(PREDICT, content=content), 400)


def test_texts_in_place_of_numbers_take_no_more_memory_than_they_have(client):
    """NumPy would make each as long as the longest: 4 MB of texts would take 24 GB."""
    texts = ["x" * 5_000, *["x"] * 1_000]
    body = {"signature_name": "sample", "inputs": {"seeds": [1], "truncation": texts}}
    tracemalloc.start()
    refused = client.post(PREDICT, json=body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "truncation" in error_of(refused, 400)
    assert peak < 2**20


def test_a_large_body_is_refused_whether_its_length_is_declared_or_not(client):
    for content in (b"x" * 20_001, (b"x" * 1000 for _ in range(21))):
        answer = client.post(PREDICT, content=content)
        assert "20,000 bytes" in error_of(answer, 413)
        assert answer.headers["connection"] == "close"


def test_status_and_metadata_are_those_of_tensorflow_serving(client):
    status = client.get("/v1/models/faces").json()
    assert status == client.get("/v1/models/faces/versions/0").json()
    [version] = status["model_version_status"]
    assert (version["version"], version["state"], version["status"]["error_code"]) == ("0", "AVAILABLE", "OK")
    definitions = client.get("/v1/models/faces/metadata").json()["metadata"]["signature_def"]["signature_def"]
    assert set(definitions) == {"serving_default", "png", "sample"}
    latents = definitions["png"]["inputs"]["latents"]
    assert latents["dtype"] == "DT_FLOAT" and [side["size"] for side in latents["tensor_shape"]["dim"]] == [
        "-1",
        "4",
    ]
    assert definitions["sample"]["inputs"]["truncation"]["tensor_shape"]["unknown_rank"] is True
    for url in ("/v1/models/other", "/v1/models/faces/versions/7", "/v1/models/other/metadata"):
        error_of(client.get(url), 404)
    assert "Latest(other)" in error_of(client.post("/v1/models/other:predict", content="{}"), 404)
    assert "Malformed request: POST /v1/models/faces:classify" in error_of(
        client.post("/v1/models/faces:classify", content="{}"), 400
    )


def test_a_full_queue_and_a_late_face_are_503_with_a_time_to_try_again(service, client, monkeypatch):
    for error in (QueueFullError(), TimeoutError()):

        async def refuse(*_, error=error):
            raise error

        monkeypatch.setattr(service, "draw", refuse)
        answer = client.get("/faces/1.png")
        error_of(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1


def test_faces_that_take_too_long_are_given_up_and_leave_the_queue(service, client, monkeypatch):
    monkeypatch.setattr(service, "limits", Limits(draw_seconds=0))
    assert "too long" in error_of(client.get("/grid.png?seeds=1-400"), 503)
    deadline = time.monotonic() + 10
    while service.current.batcher.waiting:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_server_that_cannot_draw_says_so(client, monkeypatch):
    monkeypatch.setattr(Batcher, "alive", False)
    answer = client.get("/healthz")
    assert "drawing thread" in error_of(answer, 503)


class Arriving:
    """A request whose body arrives in two parts, the second once `rest` is set."""

    def __init__(self, size):
        self.headers, self.size, self.rest = {}, size, asyncio.Event()

    async def stream(self):
        yield b"x" * (self.size - 1)
        await self.rest.wait()
        yield b"x"


def test_bodies_that_arrive_together_have_a_limit_and_make_room_once_they_are_there():
    async def arrive():
        bodies = Bodies(Limits(body_bytes=10, bodies_bytes=15))
        first, second, third = Arriving(10), Arriving(10), Arriving(10)
        reading = asyncio.create_task(bodies.read(first))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await bodies.read(second)
        first.rest.set()
        third.rest.set()
        assert await reading == await bodies.read(third) == b"x" * 10

    asyncio.run(arrive())


def test_a_client_that_does_not_read_is_let_go(service):
    async def stall():
        config = uvicorn.Config(build_app(service), log_config=None)
        kind = impatient_protocol(Limits(stalled_seconds=0.01))
        for reads, aborted in ((True, False), (False, True)):
            protocol, transport = kind(config, ServerState(), {}), mock.Mock()
            protocol.connection_made(transport)
            protocol.pause_writing()
            if reads:
                protocol.resume_writing()
            await asyncio.sleep(0.1)
            assert transport.abort.called == aborted
            protocol.connection_lost(None)

    asyncio.run(stall())


def test_an_unexpected_failure_shows_no_traceback_and_is_answered_like_all_else(service, client, monkeypatch):
    async def fail(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr(service, "draw", fail)
    answer = client.get("/faces/1.png")
    assert "secret" not in error_of(answer, 500)
    assert answer.headers["x-content-type-options"] == "nosniff"
    counted = 'facegan_requests_total{method="GET",route="/faces/{seed}.png",status="500"} 1.0'
    assert counted in client.get("/metrics").text


def test_other_sites_can_neither_read_nor_reload_unless_allowed(service, client):
    elsewhere = {"Origin": "https://example.org", "Sec-Fetch-Site": "cross-site"}
    answer = client.get("/model.json", headers=elsewhere)
    assert "access-control-allow-origin" not in answer.headers
    error_of(client.post("/reload", headers=elsewhere), 403)
    with TestClient(build_app(service, "https://example.org")) as open_client:
        answer = open_client.get("/model.json", headers=elsewhere)
        assert answer.headers["access-control-allow-origin"] == "https://example.org"


def test_every_answer_forbids_what_the_page_does_not_need(client):
    for url in ("/", "/page/app.js", "/faces/1.png", "/nothing", "/v1/nothing"):
        headers = client.get(url).headers
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/page/../served_model.py", "/page/%2e%2e/served_model.py", "/docs/swagger/..%2f__init__.py"]
)
def test_files_beside_the_page_are_not_served(client, path):
    error_of(client.get(path), 404)


def test_metrics_count_requests_by_route_and_faces_by_batch(client):
    client.get("/faces/1.png")
    client.get("/no-such-page-1")
    text = client.get("/metrics").text
    assert 'facegan_requests_total{method="GET",route="/faces/{seed}.png",status="200"}' in text
    assert (
        "no-such-page" not in text
        and "facegan_batch_faces_bucket" in text
        and "facegan_queue_faces 0" in text
    )
    assert client.get("/healthz").json() == {"status": "ok", "version": 0}


def test_a_reload_shows_the_newest_checkpoint(tmp_path):
    gan, checkpoints = untrained_run(tmp_path / "run", tiny_config())
    service = Service(tmp_path / "run", "faces")
    with TestClient(build_app(service)) as client:
        before, old = client.get("/model.json").json(), client.get("/faces/1.png")
        assert (before["step"], before["newest"]) == (0, 0)
        assert client.post("/reload").json() == before
        for variable in gan.generator.trainable_variables:
            variable.assign(variable * 3)
        gan.clock.step.assign(5)
        checkpoints.save()
        assert client.get("/model.json").json()["newest"] == 5
        service.state = RunState("0")
        assert client.get("/model.json").json()["newest"] is None
        service.state = LAST
        after = client.post("/reload").json()
        assert (after["step"], after["newest"]) == (5, 5) and after["version"] != before["version"]
        new = client.get("/faces/1.png")
        assert new.content != old.content and new.headers["etag"] != old.headers["etag"]
        assert client.get("/v1/models/faces").json()["model_version_status"][0]["version"] == "5"


def test_a_reload_while_a_body_arrives_does_not_refuse_it(run, monkeypatch):
    service = Service(run, "faces")
    read = service.bodies.read

    async def read_and_reload(request):
        body = await read(request)
        await service.reload()
        return body

    monkeypatch.setattr(service, "newest", lambda: 1)
    monkeypatch.setattr(service.bodies, "read", read_and_reload)
    with TestClient(build_app(service)) as client:
        assert predicted(client, instances=[ROW])


def test_a_connection_waits_for_its_next_request_as_long_as_for_its_first(service):
    """uvicorn's own limit is 5 s; this service's is 0.5."""
    with listening(service) as address:
        connection = http.client.HTTPConnection(*address, timeout=3)
        connection.connect()
        first = connection.sock
        for _ in range(2):
            connection.request("GET", "/healthz")
            assert json.loads(connection.getresponse().read())["status"] == "ok"
            time.sleep(0.2)
        assert connection.sock is first
        assert first.recv(1) == b"", "closed by the server"
        connection.close()


def test_slow_and_idle_clients_are_let_go_and_disturb_nobody(service):
    head = b"POST /v1/models/faces:predict HTTP/1.1\r\nHost: x\r\n"
    with listening(service) as address:
        idle = [socket.create_connection(address) for _ in range(100)]
        in_head, in_body, second = (socket.create_connection(address) for _ in range(3))
        in_head.sendall(head)
        in_body.sendall(head + b"Content-Length: 10\r\n\r\n{")
        second.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answered = b""
        while not answered.endswith(b"}"):
            answered += second.recv(9999)
        second.sendall(head)
        started = time.monotonic()
        with urllib.request.urlopen(f"http://{address[0]}:{address[1]}/faces/1.png", timeout=10) as answer:
            assert answer.status == 200
        for connection in (in_head, second, *idle):
            connection.settimeout(10)
            assert connection.recv(1) == b""  # closed
        in_body.settimeout(10)
        assert in_body.recv(9999).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - started < 5
        for connection in (in_head, in_body, second, *idle):
            connection.close()

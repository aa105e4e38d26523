import pathlib
import shutil
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

from fakes.anthropic_upstream import AnthropicUpstream  # noqa: E402
from fakes.flaky_upstream import FlakyUpstream  # noqa: E402
from fakes.openai_upstream import OpenAIUpstream  # noqa: E402
from harness import SHARED, Fairlead  # noqa: E402

OPENAI_KEY = "sk-fake-upstream-key-0123456789"
ANTHROPIC_KEY = "sk-ant-fake-upstream-key-0123456789"
WRONG_KEY = "sk-wrong-upstream-key-9876543210"
UPSTREAM_KEYS = {"FAKE_OPENAI_KEY": OPENAI_KEY, "FAKE_ANTHROPIC_KEY": ANTHROPIC_KEY, "FAKE_WRONG_KEY": WRONG_KEY}



def pytest_addoption(parser):
    parser.addoption("--write-matrix", action="store_true", help="write the matrix of docs/reference/providers.md anew")


_running = []  # servers whose log is worth showing when a test fails


@pytest.fixture(scope="session")
def openai_fake():
    with OpenAIUpstream(key=OPENAI_KEY) as upstream:
        yield upstream


@pytest.fixture(scope="session")
def anthropic_fake():
    with AnthropicUpstream(key=ANTHROPIC_KEY) as upstream:
        yield upstream


@pytest.fixture(scope="session")
def project(tmp_path_factory, openai_fake, anthropic_fake):
    """The folder tests/e2e/project, with the addresses of the fakes filled in."""
    folder = tmp_path_factory.mktemp("project") / "p"
    shutil.copytree(HERE / "project", folder)
    models = folder / "models.yaml"
    models.write_text(models.read_text().replace("@OPENAI_URL@", openai_fake.url).replace("@ANTHROPIC_URL@", anthropic_fake.url))
    return folder


@pytest.fixture(scope="session")
def fairlead(tmp_path_factory, project):
    """A server with that project, for tests that change nothing that others see."""
    with Fairlead(tmp_path_factory.mktemp("shared") / "data", project, UPSTREAM_KEYS) as server:
        _running.append(server)
        yield server.wait_ready()
        _running.remove(server)
        code = server.stop()
        assert code == 0, f"the server ended with {code}:\n{server.log[-4000:]}"
        assert "Sanitizer" not in server.log, server.log[-8000:]


@pytest.fixture(scope="session")
def local_fairlead(tmp_path_factory):
    """A server with examples/support-bot and the real model behind it."""
    example = HERE.parents[1] / "examples" / "support-bot"
    settings = ["--serving.slots=4", "--serving.context=1024"]
    with Fairlead(tmp_path_factory.mktemp("local") / "data", example, settings=settings) as server:
        _running.append(server)
        yield server.wait_ready(180)
        _running.remove(server)


@pytest.fixture(scope="module")
def folder(request, tmp_path_factory, openai_fake):
    """A project of a module's own: its PROJECT, a text for format(url=…) or a function of the fake's address."""
    text = request.module.PROJECT
    folder = tmp_path_factory.mktemp(request.module.__name__) / "p"
    folder.mkdir()
    (folder / "all.yaml").write_text(text(openai_fake.url) if callable(text) else text.format(url=openai_fake.url))
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """A server with that project, its data beside it."""
    with Fairlead(folder.parent / "data", folder, UPSTREAM_KEYS) as server:
        _running.append(server)
        yield server.wait_ready()
        _running.remove(server)
        assert server.stop() == 0


@pytest.fixture
def start(tmp_path):
    """Starts servers of a test's own: start(data=…, project=…, settings=[…])."""
    started = []

    def begin(data=None, wait=True, env=None, **options):
        server = Fairlead(data or tmp_path / "data", env=UPSTREAM_KEYS | (env or {}), **options)
        started.append(server)
        _running.append(server)
        return server.wait_ready() if wait else server

    yield begin
    for server in started:
        server.stop()
        _running.remove(server)


@pytest.fixture(scope="session")
def shared_data():
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the data beside the repository, in ../shared/data")
    return SHARED / "data"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in _running:
            report.sections.append((f"log of {server.address}", "\n".join(server.log.splitlines()[-40:])))


@pytest.fixture
def upstreams():
    """Two that fail as they are told."""
    with FlakyUpstream() as a, FlakyUpstream() as b:
        yield a, b


@pytest.fixture
def serve_models(tmp_path, upstreams):
    """serve_models("kind: model…", settings): a server with these models and the providers `a` and `b`, which are those upstreams."""
    servers = []

    def begin(models, settings=()):
        folder = tmp_path / f"p{len(servers)}"
        folder.mkdir()
        provider = "kind: provider\nname: {}\ntype: openai\nbase_url: {}\napi_key: env:FAKE_OPENAI_KEY\n---\n"
        providers = "".join(provider.format(name, upstream.url) for name, upstream in zip("ab", upstreams))
        (folder / "models.yaml").write_text(providers + models)
        server = Fairlead(tmp_path / f"data{len(servers)}", folder, UPSTREAM_KEYS, settings=settings)
        servers.append(server)
        return server.wait_ready()

    yield begin
    for server in servers:
        assert server.stop() == 0

"""The house is as it is drawn."""

import importlib
import pkgutil
from pathlib import Path

import pytest

import bridge

ROOT = Path(bridge.__file__).parent
TESTS = Path(__file__).parent
MODULES = sorted(
    path.relative_to(ROOT)
    for path in ROOT.rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py")
)

ADAPTERS = ("bridge.bots.livekit_bot", "bridge.bots.pipecat_bot")
"""What they import changes Python for the whole process; tests/adapters has its own."""

UNTESTED = {
    "listening.py": "tests/e2e/test_call.py, test_server.py, test_security.py",
    "call/figures.py": "tests/call/test_session.py, tests/e2e/test_admin.py",
    "call/options.py": "tests/call/test_session.py, and e2e: values and their ranges",
    "server/handshake.py": "tests/e2e/test_server.py, test_security.py",
    "server/picows_framing.py": "tests/e2e/test_server.py, test_security.py",
    "server/guest.py": "a Protocol and an answer, without code",
    "server/bridge_server.py": "tests/e2e/test_server.py",
    "server/admin.py": "tests/e2e/test_admin.py",
    "server/elsewhere.py": "tests/server/workers/test_counts.py",
    "server/shown.py": "tests/e2e/test_admin.py",
    "pytest_plugin.py": "tests/e2e/test_pytest_plugin.py",
    "cli/calls.py": "tests/e2e/test_admin.py",
    "cli/conform.py": "tests/e2e/test_conform.py",
    "cli/load.py": "tests/e2e/test_load.py",
    "cli/load_search.py": "tests/e2e/test_load.py",
    "cli/load_show.py": "tests/e2e/test_load.py",
    "conformance/conform.py": "tests/e2e/test_conform.py",
    "conformance/connection.py": "tests/e2e/test_conform.py",
    "conformance/far_end.py": "tests/e2e/test_conform.py",
    "conformance/findings.py": "tests/e2e/test_conform.py",
    "conformance/flow.py": "tests/e2e/test_conform.py",
    "conformance/kit.py": "tests/e2e/test_conform.py",
    "conformance/malformed.py": "tests/e2e/test_conform.py",
    "conformance/messages.py": "tests/e2e/test_conform.py",
    "conformance/opening.py": "tests/e2e/test_conform.py",
    "conformance/plain.py": "tests/e2e/test_conform.py",
    "conformance/sent.py": "tests/e2e/test_conform.py",
    "conformance/sound.py": "tests/e2e/test_conform.py",
    "conformance/variants.py": "tests/e2e/test_conform.py",
    "load/caller_plan.py": "tests/load/test_plan.py",
    "cli/load_plan.py": "tests/e2e/test_load.py",
    "load/beat.py": "tests/e2e/test_load.py",
    "load/caller.py": "tests/e2e/test_load.py",
    "load/on_ray.py": "tests/e2e/test_load.py",
    "load/loan.py": "tests/e2e/test_load_loan.py",
    "load/opening.py": "tests/e2e/test_load.py",
    "load/page/charts.py": "tests/load/page/test_document.py",
    "load/page/drawing.py": "tests/load/page/test_document.py",
    "load/page/lives.py": "tests/load/page/test_document.py",
    "load/page/reading.py": "tests/load/page/test_document.py",
    "load/page/tables.py": "tests/load/page/test_document.py",
    "load/page/template.py": "tests/load/page/test_document.py",
    "load/page/verdicts.py": "tests/load/page/test_document.py",
    "load/processes.py": "tests/e2e/test_load.py",
    "load/receiving.py": "tests/e2e/test_load.py",
    "load/runner.py": "tests/e2e/test_load.py",
    "load/socket.py": "tests/e2e/test_load.py",
    "load/worker.py": "tests/e2e/test_load.py",
    "bots/livekit_bot.py": "tests/adapters/test_livekit_bot.py",
    "bots/pipecat_bot.py": "tests/adapters/test_pipecat_bot.py",
    "bots/realtime.py": "tests/e2e/test_realtime.py",
    "bots/remote.py": "tests/e2e/test_remote.py",
    "cli/capture.py": "tests/e2e/test_captures.py",
    "cli/capture_files.py": "tests/e2e/test_captures.py",
    "cli/replay.py": "tests/e2e/test_captures.py",
    "cli/replay_show.py": "tests/e2e/test_captures.py",
    "replay/far_end.py": "tests/replay/test_run.py",
    "replay/socket.py": "tests/replay/test_run.py, tests/e2e/test_captures.py",
    "server/capturing.py": "tests/e2e/test_captures.py",
    "call/control.py": "a Protocol without code",
    "cli/demo_call.py": "tests/e2e/test_demo.py",
    "speech/abilities.py": "tests/speech/test_dialogue.py",
    "speech/answering.py": "tests/speech/test_dialogue.py",
    "speech/brain.py": "structs and a Protocol without code",
    "speech/chat.py": "tests/e2e/test_services.py",
    "speech/diary.py": "tests/speech/test_dialogue.py",
    "speech/ear.py": "tests/speech/test_dialogue.py",
    "speech/elsewhere.py": "tests/e2e/test_remote.py",
    "speech/flite.py": "tests/e2e/test_flite.py",
    "speech/http_audio.py": "tests/e2e/test_services.py",
    "speech/mouth.py": "tests/speech/test_dialogue.py",
    "speech/plivo_line.py": "tests/e2e/test_remote.py",
    "speech/raw_line.py": "tests/e2e/test_remote.py",
    "speech/realtime_call.py": "tests/e2e/test_realtime.py",
    "speech/service.py": "tests/e2e/test_services.py",
    "call/link.py": "a Protocol without code",
    "call/events.py": "structs without code, seen in every test of a call",
    "call/bot.py": "tested through the registry",
    "engine/legs.py": "a Protocol without code",
    "server/options.py": "a dataclass without code",
    "cli/show.py": "a display; seen in tests/e2e/test_demo.py",
    "cli/mpc_asking.py": "tests/cli/test_mpc.py",
    "cli/mpc_media.py": "tests/cli/test_mpc.py",
    "cli/mpc_show.py": "tests/cli/test_mpc.py",
    "cli/mpc_options.py": "tests/cli/test_mpc.py",
    "cli/picture.py": "a picture; seen in tests/e2e/test_demo.py",
    "cli/demo.py": "tests/e2e/test_demo.py",
    "cli/serve.py": "tests/e2e/test_commands.py",
    "cli/engine.py": "tests/e2e/test_commands.py",
    "cli/bots.py": "tests/e2e/test_commands.py",
    "engine/listing.py": "tests/engine/history_contract.py",
    "engine/stream_socket.py": "tests/e2e/test_stream_socket.py, test_reach.py",
    "engine/tables.py": "tables without code, seen in tests/engine/test_history.py",
    "engine/targets.py": "tests/engine/test_fetcher.py, test_notifier.py",
    "engine/outgoing.py": "tests/engine/test_fetcher.py, test_notifier.py",
    "engine/parts.py": "a dataclass without code",
    "engine/options.py": "a dataclass without code",
    "engine/lines.py": "state; tested through tests/engine/test_calls.py",
    "engine/rest/answers.py": "tested through tests/engine/rest/test_app.py",
    "engine/rest/operations.py": "a table; tested in tests/engine/rest/test_openapi.py",
    "control/operations.py": "tested through tests/control/test_client.py",
    "control/calls.py": "tested in tests/control/test_client.py",
    "control/media.py": "tested in tests/control/test_client.py",
    "control/options.py": "tests/cli/test_mpc.py",
    "engine/ai_leg.py": "tests/e2e/test_ai_leg.py",
    "engine/app.py": "tests/e2e/test_call.py",
    "server/descriptors.py": "tests/chaos/test_descriptors.py",
    "engine/pinned.py": "tests/e2e/test_reach.py",
    "engine/resolver.py": "tests/e2e/test_reach.py",
    "server/app.py": "tests/e2e/test_server.py",
    "server/membership.py": "tests/e2e/test_fleet.py",
    "server/redis_asking.py": "tests/e2e/test_redis_fleet.py",
    "server/redis_backlog.py": "tests/e2e/test_redis_fleet.py",
    "server/redis_client.py": "tests/e2e/test_redis_fleet.py",
    "server/redis_fleet.py": "tests/e2e/test_redis_fleet.py",
    "server/redis_post.py": "tests/e2e/test_redis_fleet.py",
    "server/redis_registry.py": "tests/e2e/test_redis_fleet.py",
    "server/workers/letters.py": "structs without code, sent in test_wire.py",
    "server/workers/joining.py": "tests/e2e/test_workers.py, test_hung_worker.py",
    "server/workers/supervisor.py": "tests/e2e/test_supervisor.py",
    "cli/serve_plan.py": "tests/e2e/test_commands.py, test_workers.py",
    "cli/workers.py": "tests/e2e/test_workers.py",
    "server/connection.py": "tests/e2e/test_server.py",
    "server/reception.py": "tests/e2e/test_server.py",
}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_has_a_test_module(module: Path) -> None:
    """`bridge/a/b.py` is tested in `tests/a/test_b.py`, or there is a reason."""
    test = TESTS / module.parent / f"test_{module.name}"
    assert test.exists() != (module.as_posix() in UNTESTED)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_grows_beyond_what_one_can_see(module: Path) -> None:
    """400 lines are the end."""
    assert len((ROOT / module).read_text().splitlines()) <= 400


def test_what_bot_authors_import_is_this() -> None:
    """The public names, all of them importable."""
    expected = [
        "Audio",
        "Bot",
        "BridgeError",
        "Call",
        "Certainty",
        "CoachMode",
        "Coached",
        "ConfigError",
        "Dtmf",
        "Ended",
        "Event",
        "Gap",
        "Heard",
        "Held",
        "Joined",
        "Left",
        "Member",
        "MisuseError",
        "Muted",
        "Playback",
        "Played",
        "StreamError",
    ]
    assert sorted(bridge.__all__) == expected
    assert all(hasattr(bridge, name) for name in expected)


def test_all_names_what_is_there() -> None:
    """Whatever a module offers in `__all__` exists."""
    for found in pkgutil.walk_packages(bridge.__path__, "bridge."):
        if found.name in ADAPTERS:
            continue
        module = importlib.import_module(found.name)
        for name in getattr(module, "__all__", []):
            assert hasattr(module, name), f"{found.name}.{name}"

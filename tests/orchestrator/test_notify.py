"""The outbox and its drain, on a real Postgres and Slack's stand-in: nothing lost, nothing doubled, in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from sqlalchemy import create_engine, text

from orchestrator.model import Alert, AlertKind
from orchestrator.notifiers.slack import SlackNotifier, SlackWebhookNotifier
from orchestrator.notify import Drained, drain, retry_after
from orchestrator.outbox import LEASE, Outbox
from orchestrator.store import Store
from sandbox.server import Sandbox
from tests.support.postgres import sqlalchemy_url

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from sqlalchemy import Engine, RowMapping

    from orchestrator.notifier import Message, Notifier, Reference
    from sandbox.slack import Message as Posted

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
_numbers = count()


def alert(
    name: str = "orders",
    kind: AlertKind = AlertKind.FAILURE,
    *,
    channel: str = "#loads",
    fingerprint: str = "",
    ended_at: str | None = None,
    thread_of: uuid.UUID | None = None,
) -> Alert:
    return Alert(
        key=f"{kind}/{name}/{next(_numbers)}",
        kind=kind,
        config_id=None,
        config_name=name,
        channel=channel,
        fingerprint=fingerprint,
        body={"ended_at": ended_at},
        thread_of=thread_of,
    )


def answer(opener: Alert, kind: AlertKind = AlertKind.RECOVERY, *, fingerprint: str = "") -> Alert:
    return alert(opener.config_name, kind, fingerprint=fingerprint, thread_of=opener.id)


def put(engine: Engine, *alerts: Alert, now: datetime = NOW) -> None:
    with engine.begin() as connection:
        Store(connection).insert_alerts(alerts, now=now)


def rows(engine: Engine) -> dict[str, RowMapping]:
    """Return the alerts by name of their config (one each)."""
    with engine.connect() as connection:
        return {row["config_name"]: row for row in connection.execute(text("select * from alerts")).mappings()}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def slack(sandbox: Sandbox) -> Notifier:
    url = sandbox.environment["SLACK_API_URL"]
    return SlackNotifier(sandbox.slack.token, "#default", api_url=url, timeout=timedelta(seconds=5))


class Drain(Protocol):
    def __call__(self, now: datetime = NOW, notifier: Notifier = ..., budget_seconds: float = 60) -> Drained: ...


@pytest.fixture
def drained(engine: Engine, slack: Notifier) -> Drain:
    def drained(now: datetime = NOW, notifier: Notifier = slack, budget_seconds: float = 60) -> Drained:
        return drain(engine, notifier, now=now, budget_seconds=budget_seconds)

    return drained


def titles(posted: list[Posted]) -> list[str]:
    """Return what was posted without the coloured dot."""
    return [message.text.partition(" ")[2] for message in posted]


class TestDrain:
    def test_sends_the_oldest_first_and_each_once(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        put(engine, alert("second"), now=NOW - SECOND)
        put(engine, alert("first"), now=NOW - 2 * SECOND)
        assert drained() == Drained(sent=2)
        assert drained() == Drained()
        assert titles(sandbox.slack.messages) == ["first failed", "second failed"]

    def test_marks_where_a_message_went(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        put(engine, alert("orders"))
        drained()
        (posted,) = sandbox.slack.messages
        row = rows(engine)["orders"]
        assert row["reference"] == {"channel": posted.channel_id, "thread": posted.ts}
        assert (row["sent_at"], row["attempts"], row["leased_until_at"]) == (NOW, 1, None)

    def test_leaves_what_is_not_due(self, engine: Engine, drained: Drain) -> None:
        put(engine, alert(), now=NOW + SECOND)
        assert drained() == Drained()
        assert drained(NOW + SECOND) == Drained(sent=1)

    def test_sends_nothing_without_a_budget(self, engine: Engine, drained: Drain) -> None:
        put(engine, alert())
        assert drained(budget_seconds=0) == Drained()
        assert drained() == Drained(sent=1)

    def test_does_not_raise_without_its_table(self, engine: Engine, drained: Drain) -> None:
        with engine.begin() as connection:
            connection.execute(text("drop table alerts"))
        assert drained() == Drained()

    def test_is_not_held_up_by_an_open_transaction(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        put(engine, alert("locked"), alert("free"))
        with engine.begin() as connection:
            connection.execute(text("select from alerts where config_name = 'locked' for update"))
            assert drained() == Drained(sent=1)
        assert drained() == Drained(sent=1)
        assert titles(sandbox.slack.messages) == ["free failed", "locked failed"]

    def test_sends_with_no_transaction_open(self, engine: Engine, slack: Notifier, drained: Drain) -> None:
        states: set[str] = set()

        class Watching:
            def send(self, message: Message) -> Reference:
                with engine.connect() as connection:
                    others = "datname = current_database() and pid <> pg_backend_pid()"
                    found = connection.execute(text(f"select state from pg_stat_activity where {others}"))
                    states.update(found.scalars())
                return slack.send(message)

        put(engine, alert())
        assert drained(notifier=Watching()) == Drained(sent=1)
        assert states <= {"idle"}


class TestTwoDrainers:
    @pytest.mark.parametrize("drainers", [2, 6])
    def test_send_each_message_once_and_split_no_group(
        self, database_url: str, engine: Engine, sandbox: Sandbox, slack: Notifier, drainers: int
    ) -> None:
        for tick in range(5):
            alone = [alert(f"alone {tick}.{n}") for n in range(4)]
            together = [alert(f"together {tick}.{n}", fingerprint="host db.example") for n in range(6)]
            put(engine, *alone, *together, now=NOW - tick * SECOND)
        start = Barrier(drainers)

        def one() -> Drained:
            own = create_engine(sqlalchemy_url(database_url))
            start.wait()
            try:
                return drain(own, slack, now=NOW, budget_seconds=60)
            finally:
                own.dispose()

        with ThreadPoolExecutor(drainers) as pool:
            results = [future.result() for future in [pool.submit(one) for _ in range(drainers)]]
        assert sum(result.sent for result in results) == 50
        expected = [f"alone {tick}.{n} failed" for tick in range(5) for n in range(4)]
        expected += ["6 configs failed, all from the same cause"] * 5
        assert sorted(titles(sandbox.slack.messages)) == sorted(expected)

    def test_one_that_died_after_sending_is_followed_when_its_lease_ends(
        self, engine: Engine, sandbox: Sandbox, slack: Notifier, drained: Drain
    ) -> None:
        class Dying:
            def send(self, message: Message) -> Reference:
                slack.send(message)
                raise SystemExit

        put(engine, alert("orders"))
        with pytest.raises(SystemExit):
            drained(notifier=Dying())
        assert drained(NOW + LEASE - SECOND) == Drained()
        assert drained(NOW + LEASE) == Drained(sent=1)
        assert drained(NOW + 2 * LEASE) == Drained()
        assert titles(sandbox.slack.messages) == ["orders failed"] * 2


class TestDelay:
    def test_too_many_requests_hold_everything_for_as_long_as_asked(
        self, engine: Engine, sandbox: Sandbox, drained: Drain
    ) -> None:
        put(engine, alert("first"), now=NOW - SECOND)
        put(engine, alert("second"))
        sandbox.faults.add(service="slack", status=429, retry_after=90)
        assert drained() == Drained(delayed=1)
        assert drained(NOW + timedelta(seconds=89)) == Drained()
        assert sandbox.requests.count("slack") == 1
        assert drained(NOW + timedelta(seconds=90)) == Drained(sent=2)
        assert titles(sandbox.slack.messages) == ["first failed", "second failed"]

    def test_outage_delays_and_loses_nothing(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        put(engine, *(alert(f"config {n}") for n in range(3)))
        sandbox.faults.add(service="slack", status=503, times=None)
        ticks = [NOW + timedelta(minutes=minute) for minute in range(60)]
        outcomes = [drained(now) for now in ticks]
        assert sum(outcome.sent + outcome.dead for outcome in outcomes) == 0
        assert sandbox.requests.count("slack") <= len(ticks)
        sandbox.faults.clear()
        assert drained(NOW + timedelta(hours=2)) == Drained(sent=3)
        assert sorted(titles(sandbox.slack.messages)) == [f"config {n} failed" for n in range(3)]

    def test_one_that_always_fails_does_not_starve_the_others(
        self, engine: Engine, sandbox: Sandbox, drained: Drain
    ) -> None:
        put(engine, alert("cursed"), now=NOW - SECOND)
        put(engine, alert("blessed"))
        sandbox.faults.add(service="slack", status=500)
        assert drained() == Drained(delayed=1)
        assert drained(NOW + SECOND) == Drained(sent=1)
        assert titles(sandbox.slack.messages) == ["blessed failed"]
        assert "status 500" in rows(engine)["cursed"]["error"]

    @pytest.mark.parametrize(
        ("attempts", "asked", "seconds"),
        [(0, None, 15), (1, None, 30), (5, None, 480), (6, None, 600), (1000, None, 600), (0, 90, 90), (3, 1, 120)],
    )
    def test_delay_doubles_up_to_a_limit_and_respects_what_was_asked(
        self, attempts: int, asked: int | None, seconds: int
    ) -> None:
        assert retry_after(attempts, timedelta(seconds=asked) if asked else None) == timedelta(seconds=seconds)


class TestDeadLetters:
    def test_error_that_never_passes_blocks_nothing(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        put(engine, alert("lost", channel="#missing"), now=NOW - SECOND)
        put(engine, alert("told"))
        assert drained() == Drained(sent=1, dead=1)
        assert drained(NOW + timedelta(days=1)) == Drained()
        lost = rows(engine)["lost"]
        assert lost["dead_at"] == NOW
        assert "channel_not_found" in lost["error"]
        assert titles(sandbox.slack.messages) == ["told failed"]

    def test_alert_that_cannot_be_told_blocks_nothing(self, engine: Engine, drained: Drain) -> None:
        put(engine, alert("odd", ended_at="yesterday"), now=NOW - SECOND)
        put(engine, alert("told"))
        assert drained() == Drained(sent=1, dead=1)
        assert "yesterday" in rows(engine)["odd"]["error"]

    def test_revived_one_is_sent(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        put(engine, alert("lost", channel="#missing"))
        drained()
        sandbox.slack.missing_channels.clear()
        with engine.begin() as connection:
            connection.execute(text("update alerts set dead_at = null where dead_at is not null"))
        assert drained() == Drained(sent=1)


class TestGrouping:
    def test_same_cause_in_one_tick_is_one_message_whose_thread_each_config_uses(
        self, engine: Engine, sandbox: Sandbox, drained: Drain
    ) -> None:
        openers = [alert(name, fingerprint="host db.example") for name in ("orders", "customers", "returns")]
        put(engine, *openers)
        assert drained() == Drained(sent=3)
        (posted,) = sandbox.slack.messages
        assert titles([posted]) == ["3 configs failed, all from the same cause"]
        assert all(name in str(posted.blocks) for name in ("orders", "customers", "returns"))
        assert all(row["reference"]["thread"] == posted.ts for row in rows(engine).values())
        put(engine, *(answer(opener) for opener in openers))
        assert drained() == Drained(sent=3)
        assert {message.thread_ts for message in sandbox.slack.messages[1:]} == {posted.ts}
        assert len(sandbox.slack.messages) == 4

    def test_later_failures_of_one_cause_are_one_answer(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        openers = [alert(name, fingerprint="host db.example") for name in ("orders", "customers")]
        put(engine, *openers)
        drained()
        put(engine, *(answer(o, AlertKind.FAILED_AGAIN, fingerprint="host db.example") for o in openers))
        drained()
        first, second = sandbox.slack.messages
        assert titles([second]) == ["2 configs failed again, all from the same cause"]
        assert second.thread_ts == first.ts

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ({"fingerprint": ""}, {"fingerprint": ""}),
            ({"fingerprint": "host a"}, {"fingerprint": "host b"}),
            ({"fingerprint": "host a"}, {"fingerprint": "host a", "channel": "#finance"}),
            ({"fingerprint": "host a"}, {"fingerprint": "host a", "kind": AlertKind.STALE}),
        ],
    )
    def test_what_differs_is_told_apart(
        self, engine: Engine, sandbox: Sandbox, drained: Drain, first: dict[str, Any], second: dict[str, Any]
    ) -> None:
        put(engine, alert("a", **first), alert("b", **second))
        assert drained() == Drained(sent=2)
        assert len(sandbox.slack.messages) == 2

    def test_same_cause_in_another_tick_is_told_again(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        put(engine, alert("a", fingerprint="host a"), now=NOW - SECOND)
        put(engine, alert("b", fingerprint="host a"))
        drained()
        assert titles(sandbox.slack.messages) == ["a failed", "b failed"]

    def test_group_is_delayed_and_sent_as_one(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        put(engine, alert("a", fingerprint="host a"), alert("b", fingerprint="host a"))
        sandbox.faults.add(service="slack", status=500)
        assert drained() == Drained(delayed=2)
        assert drained(NOW + timedelta(minutes=1)) == Drained(sent=2)
        assert len(sandbox.slack.messages) == 1


class TestThreads:
    def test_answer_goes_into_the_thread_of_its_incident(
        self, engine: Engine, sandbox: Sandbox, drained: Drain
    ) -> None:
        opener = alert("orders")
        put(engine, opener)
        drained()
        put(engine, answer(opener))
        drained()
        first, second = sandbox.slack.messages
        assert (second.thread_ts, second.channel_id) == (first.ts, first.channel_id)

    def test_answers_wait_for_a_delayed_opener_and_keep_their_order(
        self, engine: Engine, sandbox: Sandbox, drained: Drain
    ) -> None:
        opener = alert("orders")
        put(engine, opener, now=NOW - 2 * SECOND)
        sandbox.faults.add(service="slack", status=500)
        assert drained(NOW - SECOND) == Drained(delayed=1)
        put(engine, answer(opener, AlertKind.FAILED_AGAIN), now=NOW - SECOND)
        put(engine, answer(opener))
        assert drained() == Drained()
        assert drained(NOW + timedelta(minutes=1)) == Drained(sent=3)
        assert titles(sandbox.slack.messages) == ["orders failed", "orders failed again", "orders works again"]
        assert [bool(message.thread_ts) for message in sandbox.slack.messages] == [False, True, True]

    def test_answer_waits_for_an_earlier_delayed_answer(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        opener = alert("orders")
        put(engine, opener)
        drained()
        put(engine, answer(opener, AlertKind.FAILED_AGAIN))
        sandbox.faults.add(service="slack", status=500)
        drained()
        put(engine, answer(opener), now=NOW + SECOND)
        assert drained(NOW + SECOND) == Drained()
        assert drained(NOW + timedelta(minutes=1)) == Drained(sent=2)
        assert titles(sandbox.slack.messages)[1:] == ["orders failed again", "orders works again"]

    def test_answer_to_a_dead_letter_stands_alone(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        opener = alert("orders", channel="#missing")
        put(engine, opener)
        put(engine, answer(opener))
        assert drained() == Drained(sent=1, dead=1)
        assert sandbox.slack.messages[0].thread_ts is None

    def test_answer_to_what_was_pruned_stands_alone(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        put(engine, answer(alert("orders")))
        assert drained() == Drained(sent=1)
        assert sandbox.slack.messages[0].thread_ts is None

    def test_answer_on_a_webhook_stands_alone(self, engine: Engine, sandbox: Sandbox, drained: Drain) -> None:
        webhook = SlackWebhookNotifier(sandbox.environment["SLACK_WEBHOOK_URL"])
        opener = alert("orders")
        put(engine, opener, answer(opener))
        assert drained(notifier=webhook) == Drained(sent=2)
        assert titles(sandbox.slack.messages) == ["orders failed", "orders works again"]


class TestOutbox:
    def test_take_alerts_gives_a_leased_one_to_nobody_else(self, engine: Engine) -> None:
        put(engine, alert())
        assert Outbox(engine).take_alerts(now=NOW) is not None
        assert Outbox(engine).take_alerts(now=NOW + LEASE - SECOND) is None
        assert Outbox(engine).take_alerts(now=NOW + LEASE) is not None

    def test_hold_alerts_leaves_what_is_held_longer_and_what_is_being_sent(self, engine: Engine) -> None:
        put(engine, alert("sending"), now=NOW - SECOND)
        put(engine, alert("later"), now=NOW + timedelta(hours=1))
        put(engine, alert("due"))
        outbox = Outbox(engine)
        outbox.take_alerts(now=NOW - SECOND)
        outbox.hold_alerts(until=NOW + timedelta(minutes=1))
        waits = {name: row["not_before_at"] - NOW for name, row in rows(engine).items()}
        assert waits == {"sending": -SECOND, "later": timedelta(hours=1), "due": timedelta(minutes=1)}

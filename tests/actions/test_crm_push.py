"""Labels sent to CRMs that put off, lose, half-apply and refuse: none twice, none lost, no key told."""

import json
from types import SimpleNamespace

import polars as pl
import pytest
from actions.crm_server import FakeFxiaoke, FakeJiandaoyun, FakeZoho, serve
from typer.testing import CliRunner

from analysis import tables
from analysis.actions import crm_http, crm_journal, crm_words
from analysis.actions.crm_push import push
from analysis.contracts.actions import CrmLabels
from analysis.run import cli, paths
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import Settings

MAY, JUNE, JULY = (Month(2024, number) for number in (5, 6, 7))
KEYS = {
    "JIANDAOYUN_API_KEY": "jdy-secret-key",
    "FXIAOKE_APP_ID": "fs-app",
    "FXIAOKE_APP_SECRET": "fs-secret",
    "FXIAOKE_PERMANENT_CODE": "fs-code",
    "FXIAOKE_USER_ID": "1000",
    "ZOHO_CLIENT_ID": "zo-client",
    "ZOHO_CLIENT_SECRET": "zo-secret",
    "ZOHO_REFRESH_TOKEN": "zo-refresh",
}
SYSTEMS = ("jiandaoyun", "fxiaoke", "zoho")
COUNT = {"jiandaoyun": 250, "fxiaoke": 6, "zoho": 230}  # more than two batches
LABELS = ("customer_class", "churn_risk", "tags")


def ids(system: str) -> list[str]:
    """Ids of the interface, in the order of the records."""
    long = {"jiandaoyun": "65f0{:020d}", "fxiaoke": "66a1{:020d}", "zoho": "4876512345{:08d}"}
    return [long[system].format(number) for number in range(COUNT[system])]


def record(system: str, number: int) -> str:
    return {"jiandaoyun": "{:06d}", "fxiaoke": "KH{:05d}", "zoho": "zcrm_4876512345{:08d}"}[
        system
    ].format(number)


def labels_of(system: str, number: int) -> dict[str, str]:
    names = ("冠军客户", "忠诚客户", "流失风险客户")
    return {"customer_class": names[number % 3], "churn_risk": "高", "tags": "忠诚客户,活跃客户"}


def label_table(system: str, known_ids: bool = True, previous: str | None = None) -> pl.DataFrame:
    rows = [
        {
            "system": system,
            "record_id": record(system, number),
            "field": name,
            "customer_id": str(number),
            "key": "k",
            "api_id": (record(system, number) if system == "zoho" else one) if known_ids else None,
            "value": value,
            "previous": previous,
            "changed": value != previous,
        }
        for number, one in enumerate(ids(system))
        for name, value in labels_of(system, number).items()
    ]
    return pl.DataFrame(rows, schema=CrmLabels.create_empty().schema)


FAKES = {"jiandaoyun": FakeJiandaoyun, "fxiaoke": FakeFxiaoke, "zoho": FakeZoho}


@pytest.fixture(params=SYSTEMS)
def world(request, root, monkeypatch):
    """A CRM that runs, settings that lead to it, and a published month with labels for it."""
    with make_world(request.param, root, monkeypatch) as one:
        yield one


@pytest.fixture
def fxiaoke(root, monkeypatch):
    with make_world("fxiaoke", root, monkeypatch) as one:
        yield one


@pytest.fixture
def zoho(root, monkeypatch):
    with make_world("zoho", root, monkeypatch) as one:
        yield one


@pytest.fixture
def jiandaoyun(root, monkeypatch):
    with make_world("jiandaoyun", root, monkeypatch) as one:
        yield one


class make_world:
    def __init__(self, system, root, monkeypatch):
        monkeypatch.setitem(tables.CONTRACTS, "crm_labels", CrmLabels)
        for name, value in KEYS.items():
            monkeypatch.setenv(name, value)
        start = {one: {} for one in ids(system)}
        number = {"jiandaoyun": FakeJiandaoyun.widgets["客户编号"], "fxiaoke": "account_no"}
        if system in number:
            for place, one in enumerate(start):
                start[one] = {number[system]: record(system, place)}
        self.system, self.root = system, root
        self._server = serve(FAKES[system](start))

    def __enter__(self):
        self.crm = self._server.__enter__()
        own = {"url": self.crm.url}
        own |= {"app_id": "app1", "entry_id": "form1"} if self.system == "jiandaoyun" else {}
        own |= {"accounts_url": self.crm.url} if self.system == "zoho" else {}
        sources = [
            {"table": "orders", "path": "orders.csv"},
            {"table": "customers", "path": "people.csv", "preset": self.system},
        ]
        self.settings = Settings(
            name=self.system,
            currency="CNY",
            time_zone="Asia/Shanghai",
            sources=sources,
            crm={"timeout_seconds": 0.2, self.system: own},
        )
        self.publish(JUNE, label_table(self.system))
        self.waits: list[float] = []
        self.time = 0.0
        return self

    def __exit__(self, *problem):
        self._server.__exit__(*problem)

    def publish(self, month, table):
        tables.write("crm_labels", table, paths.tables(self.system, month))

    def push(self, month=JUNE, send=True, system=None):
        def sleep(seconds):
            self.waits.append(seconds)
            self.time += seconds

        return push(self.settings, month, system, send, sleep, lambda: self.time)[0]

    def expected(self) -> dict:
        """What the CRM must hold of each record."""
        found = {}
        for number, one in enumerate(ids(self.system)):
            values = labels_of(self.system, number)
            fields = getattr(self.settings.crm, self.system).fields
            if self.system == "jiandaoyun":
                fields = {name: FakeJiandaoyun.widgets[told] for name, told in fields.items()}
            if self.system == "zoho":
                fields = {n: FakeZoho.api_names.get(told, told) for n, told in fields.items()}
                tags = sorted(values.pop("tags").split(","))
                found[one] = {"Tag": [{"name": name} for name in tags]}
            found.setdefault(one, {}).update({fields[n]: value for n, value in values.items()})
        return found

    def holds_all(self) -> bool:
        return all(
            self.crm.records[one].get(name) == value
            for one, values in self.expected().items()
            for name, value in values.items()
        )

    def written_twice(self) -> int:
        written = [(one, name) for one, name, _ in self.crm.written]
        return len(written) - len(set(written))


def test_a_dry_run_says_the_calls_and_makes_none(world, monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(name)
    done = world.push(send=False)
    assert world.crm.calls == []
    assert not paths.campaigns(world.system).exists()
    assert (done.sent, done.records, done.done) == (False, COUNT[world.system], 0)
    batches = {"jiandaoyun": 3, "fxiaoke": 6, "zoho": 6}
    assert len(done.calls) == batches[world.system]
    lines = crm_words.push_lines([done])
    assert len(lines) == len(done.calls) + 1
    assert "Nothing was sent" in lines[-1]
    assert json.loads(lines[0].split(" ", 2)[2])


def test_all_labels_arrive_once(world):
    done = world.push()
    assert (done.done, done.left) == (COUNT[world.system], {})
    assert world.holds_all()
    assert world.written_twice() == 0
    again = world.push()
    assert (again.records, again.calls) == (0, [])


@pytest.mark.parametrize("fault", ["429", "busy"])
def test_a_call_that_is_put_off_is_made_again_after_the_wait(world, fault):
    world.crm.faults = [fault, fault]
    done = world.push()
    assert (done.done, world.holds_all(), world.written_twice()) == (COUNT[world.system], True, 0)
    waits = [one for one in world.waits if one >= 1]
    assert waits == ([7, 7] if fault == "429" else [1, 2])  # as asked, else longer each time


@pytest.mark.parametrize(
    ("world", "fault"),
    [(system, fault) for system in SYSTEMS for fault in ("hang", "lost", "cut", "500")]
    + [("jiandaoyun", "half"), ("zoho", "half")],  # the third writes one record a call
    indirect=["world"],
)
def test_a_write_without_a_clear_answer_is_read_back_before_anything_is_sent_again(world, fault):
    world.crm.faults = [fault]
    done = world.push()
    assert (done.done, done.left) == (COUNT[world.system], {})
    assert world.holds_all()
    assert world.written_twice() == 0


def test_an_old_token_is_renewed_once(fxiaoke, zoho):
    for world in (fxiaoke, zoho):
        world.crm.faults = ["expired"]
        done = world.push()
        assert (done.done, world.written_twice()) == (COUNT[world.system], 0)
        assert (
            world.crm.tokens == 3
        )  # the first, the one by which the fault made it old, the new one


def test_a_token_that_does_not_come_at_once_is_asked_for_again(fxiaoke, zoho):
    for world in (fxiaoke, zoho):
        world.crm.token_faults = [503, 429]
        world.crm.faults = ["expired"]
        assert world.push().done == COUNT[world.system]
        assert world.written_twice() == 0


def test_a_key_that_is_refused_stops_the_push(fxiaoke, zoho, jiandaoyun, monkeypatch):
    fxiaoke.crm.faults = ["expired", "expired"]
    with pytest.raises(UserError, match=r"refuses the key .*FXIAOKE_APP_SECRET"):
        fxiaoke.push()
    monkeypatch.setenv("ZOHO_REFRESH_TOKEN", "wrong-token")
    with pytest.raises(UserError, match=r"gives no token \(code invalid_code\)") as problem:
        zoho.push()
    assert "wrong-token" not in str(problem.value)
    monkeypatch.setenv("JIANDAOYUN_API_KEY", "wrong-key")
    with pytest.raises(UserError, match=r"jiandaoyun refused a call \(code 8301") as problem:
        jiandaoyun.push()
    assert "wrong-key" not in str(problem.value)
    assert not (fxiaoke.crm.written or zoho.crm.written or jiandaoyun.crm.written)


def test_used_up_calls_stop_the_push_and_tomorrow_goes_on(fxiaoke, zoho):
    for world in (fxiaoke, zoho):
        world.crm.faults = ["", "day"]
        with pytest.raises(UserError, match="calls of the day are used up"):
            world.push()
        assert world.crm.written
        world.push()
        assert (world.holds_all(), world.written_twice()) == (True, 0)


def test_a_long_wait_is_left_to_the_person(zoho, root, monkeypatch):
    with serve(zoho.crm, retry_after="3600") as crm:
        own = zoho.settings.crm.zoho.model_copy(update={"url": crm.url, "accounts_url": crm.url})
        crm_settings = zoho.settings.crm.model_copy(update={"zoho": own})
        zoho.settings = zoho.settings.model_copy(update={"crm": crm_settings})
        crm.faults = ["429"]
        with pytest.raises(UserError, match="wait 3,600 seconds"):
            zoho.push()
    assert max(zoho.waits, default=0) < 3600


@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize("state", ["begin", "end"])
def test_a_killed_push_goes_on_without_writing_twice(world, monkeypatch, state, place):
    times = 0
    real = getattr(crm_journal.Journal, state)

    def killed(self, *words):
        nonlocal times
        times += 1
        if times == place and state == "end":
            raise KeyboardInterrupt
        real(self, *words)
        if times == place:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(crm_journal.Journal, state, killed)
        with pytest.raises(KeyboardInterrupt):
            world.push()
    done = world.push()
    assert world.holds_all()
    assert world.written_twice() == 0
    assert done.known == (0 if state == "begin" else len(done_by_killed_call(world, place)))


def done_by_killed_call(world, place) -> list:
    """Records of the call that arrived but was not noted."""
    if world.system == "fxiaoke":
        return [0]
    sizes = {"jiandaoyun": (84, 83, 83), "zoho": (100, 100, 30)}[world.system]
    return [0] * sizes[place - 1]


def test_a_line_of_the_journal_that_was_cut_off_is_dropped(world):
    path = paths.campaigns(world.system) / f"crm_{world.system}.jsonl"
    world.push()
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + whole.splitlines()[-1][:40], encoding="utf-8")
    assert world.push().calls == []
    assert path.read_text(encoding="utf-8") == whole
    path.write_text("nonsense\n" + whole, encoding="utf-8")
    with pytest.raises(UserError, match="line 1 is damaged"):
        world.push()


def test_the_journal_holds_no_key_and_no_name(world):
    world.push()
    text = (paths.campaigns(world.system) / f"crm_{world.system}.jsonl").read_text(encoding="utf-8")
    assert not [one for one in KEYS.values() if len(one) > 4 and one in text]


def test_a_record_that_is_refused_is_told_and_tried_again(zoho):
    zoho.crm.faults = ["gone"]
    done = zoho.push()
    gone = record("zoho", 0)
    assert done.left == {gone: "INVALID_DATA"}
    assert done.done == COUNT["zoho"] - 1
    assert "Tag" not in zoho.crm.records[ids("zoho")[0]]  # all labels of a record, or none
    assert any("INVALID_DATA" in line for line in crm_words.push_lines([done]))
    assert zoho.push().done == 1
    assert (zoho.holds_all(), zoho.written_twice()) == (True, 0)


def test_a_record_that_is_no_more_does_not_hold_up_the_others(jiandaoyun):
    missing = ids("jiandaoyun")[0]
    del jiandaoyun.crm.records[missing]
    done = jiandaoyun.push()
    assert done.left == {record("jiandaoyun", 0): "not_applied"}
    assert done.done == COUNT["jiandaoyun"] - 1
    assert jiandaoyun.written_twice() == 0


def test_refusals_in_a_row_stop_the_push_and_hide_keys(world):
    world.crm.faults = ["refused"] * 9
    with pytest.raises(UserError, match="3 calls in a row were refused") as problem:
        world.push()
    assert not [one for one in KEYS.values() if len(one) > 4 and one in str(problem.value)]
    assert "***" in str(problem.value)


def test_ids_that_the_export_lacks_are_looked_up_page_by_page(jiandaoyun, fxiaoke):
    for world in (jiandaoyun, fxiaoke):
        world.publish(JUNE, label_table(world.system, known_ids=False))
    stranger = ids("jiandaoyun")[7]
    jiandaoyun.crm.records[stranger][FakeJiandaoyun.widgets["客户编号"]] = "other"
    done = jiandaoyun.push()
    pages = [body for path, body in jiandaoyun.crm.calls if path.endswith("data/list")]
    assert len(pages) == 3
    assert "data_id" not in pages[0]
    assert pages[1]["data_id"] == ids("jiandaoyun")[99]  # the last of the page before
    assert done.left == {"000007": "no_record"}
    assert done.done == COUNT["jiandaoyun"] - 1
    assert fxiaoke.push().done == COUNT["fxiaoke"]


def test_two_records_of_one_number_are_left_to_a_person(jiandaoyun):
    jiandaoyun.publish(JUNE, label_table("jiandaoyun", known_ids=False))
    jiandaoyun.crm.records["65f1"] = {FakeJiandaoyun.widgets["客户编号"]: "000003"}
    assert jiandaoyun.push().left == {"000003": "no_record"}


def test_a_field_that_ignores_what_is_written_is_noticed_at_once(world):
    world.crm.set = lambda one, values: world.crm.written.append((one, "", values))
    world.crm._tag = lambda *words: None
    with pytest.raises(UserError, match=r"says that record .* is written, but it holds other"):
        world.push()
    assert len(world.crm.written) <= 100


def test_a_form_without_the_field_is_told(jiandaoyun, zoho, monkeypatch):
    monkeypatch.setattr(
        FakeJiandaoyun, "widgets", {"客户编号": "_widget_1", "客户分级": "_widget_2"}
    )
    with pytest.raises(UserError, match="The form of jiandaoyun has no field 价值等级"):
        jiandaoyun.push()
    monkeypatch.setattr(FakeZoho, "api_names", {"客户分级": "Class1"})
    with pytest.raises(UserError, match="The module Contacts of zoho has no field 价值等级"):
        zoho.push()


def test_two_fields_of_one_name_are_left_to_a_person(zoho):
    answer = zoho.crm.answer

    def doubled(method, path, *rest):
        status, content = answer(method, path, *rest)
        if path.endswith("settings/fields"):
            content["fields"].append({"field_label": "客户分级", "api_name": "Class2"})
        return status, content

    zoho.crm.answer = doubled
    with pytest.raises(UserError, match=r"has several fields 客户分级.*\[crm.zoho\] api_names"):
        zoho.push()
    own = zoho.settings.crm.zoho.model_copy(update={"api_names": {"customer_class": "Class1"}})
    crm = zoho.settings.crm.model_copy(update={"zoho": own})
    zoho.settings = zoho.settings.model_copy(update={"crm": crm})
    assert zoho.push().done == COUNT["zoho"]


def test_tags_that_end_are_removed_and_those_of_the_company_stay(zoho):
    for values in zoho.crm.records.values():
        values["Tag"] = [{"name": "VIP"}, {"name": "沉默客户"}, {"name": "忠诚客户"}]
    before = label_table("zoho").with_columns(
        previous=pl.when(pl.col("field") == "tags")
        .then(pl.lit("忠诚客户,沉默客户"))
        .otherwise("value")
    )
    table = before.with_columns(changed=pl.col("value") != pl.col("previous"))
    zoho.publish(JUNE, table)
    done = zoho.push()
    assert done.done == COUNT["zoho"]
    assert [path.rpartition("/")[2] for path, body in zoho.crm.calls if "actions" in path] == (
        ["remove_tags"] * 3 + ["add_tags"] * 3
    )
    named = {tag["name"] for tag in zoho.crm.records[ids("zoho")[5]]["Tag"]}
    assert named == {"VIP", "忠诚客户", "活跃客户"}


def test_later_months_send_what_differs_from_what_was_sent(fxiaoke):
    fxiaoke.push()
    july = label_table("fxiaoke").with_columns(previous="value", changed=pl.lit(False))
    first = pl.col("record_id") == record("fxiaoke", 0)
    new = first & (pl.col("field") == "churn_risk")
    july = july.with_columns(value=pl.when(new).then(pl.lit("低")).otherwise("value"))
    july = july.with_columns(changed=pl.col("value") != pl.col("previous"))
    fxiaoke.publish(JULY, july)
    fxiaoke.crm.written.clear()
    fxiaoke.push(JULY)
    assert fxiaoke.crm.written == [(ids("fxiaoke")[0], "流失风险__c", "低")]
    with pytest.raises(UserError, match="Labels of 2024-07 were sent"):
        fxiaoke.push(JUNE)


def test_calls_keep_the_pace_of_the_system(fxiaoke):
    fxiaoke.push()
    assert fxiaoke.time == pytest.approx(0.2 * (len(fxiaoke.crm.calls) - 1))


def test_what_is_missing_is_told_in_words(zoho, monkeypatch, root):
    with pytest.raises(UserError, match=r'"fxiaoke" is not one of the CRMs .* Allowed: zoho'):
        zoho.push(system="fxiaoke")
    with pytest.raises(UserError, match="has no labels to push"):
        zoho.push(MAY)
    monkeypatch.delenv("ZOHO_CLIENT_SECRET")
    monkeypatch.delenv("ZOHO_REFRESH_TOKEN")
    with pytest.raises(UserError, match="lacks ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN"):
        zoho.push()
    assert zoho.crm.calls == []


def test_the_command_says_what_it_would_do_and_does_it_when_told(fxiaoke, monkeypatch):
    text = (
        'name = "fxiaoke"\ncurrency = "CNY"\ntime_zone = "Asia/Shanghai"\n'
        '[[sources]]\ntable = "orders"\npath = "o.csv"\n'
        '[[sources]]\ntable = "customers"\npath = "c.csv"\npreset = "fxiaoke"\n'
        f'[crm.fxiaoke]\nurl = "{fxiaoke.crm.url}"\n'
    )
    path = fxiaoke.root / "config" / "fxiaoke.toml"
    path.write_text(text, encoding="utf-8")
    words = ["push", "2024-06", "--config", "config/fxiaoke.toml"]
    shown = CliRunner().invoke(cli.app, words)
    assert shown.output.splitlines()[-1].startswith(
        "纷享销客: 6 calls would write labels of 6 records"
    )
    assert fxiaoke.crm.calls == []
    sent = CliRunner().invoke(cli.app, [*words, "--system", "fxiaoke", "--send"])
    assert sent.output == "纷享销客: 6 of 6 records hold their labels; 6 calls wrote them.\n"
    assert fxiaoke.holds_all()
    again = CliRunner().invoke(cli.app, [*words, "--send"])
    assert again.output == "纷享销客: nothing to send.\n"


def test_a_second_push_at_the_same_time_waits(zoho):
    path = paths.campaigns("zoho") / "crm_zoho.jsonl"
    with (
        crm_journal.Journal.opened(path, JUNE),
        pytest.raises(UserError, match="Another push to this system"),
    ):
        zoho.push()


def test_keys_go_nowhere_unencrypted_or_onward(monkeypatch):
    caller = crm_http.Caller(1)
    with pytest.raises(UserError, match="not encrypted"):
        caller.call("POST", "http://crm.example.com/x", {"Authorization": "secret"})
    elsewhere = SimpleNamespace(
        calls=[], answer=lambda *_: (307, None), faults=[], url="", records={}
    )
    with serve(elsewhere) as crm:
        assert caller.call("GET", f"{crm.url}/x", {}).status == 307
    assert len(elsewhere.calls) == 1
    key = crm_http.Key("NAME", "secret")
    assert "secret" not in f"{key} {key!r} {[key]}"
    caller.hide("a/b c")
    assert caller.clean("told a/b c and a%2Fb%20c and a%2Fb+c") == "told *** and *** and ***"

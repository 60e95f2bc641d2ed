"""Three CRMs on this machine that answer as their documentation says, with faults on demand.

A fault is a word in `faults`, taken by the next call that writes: `429`, `busy` (the system's own code of
too many calls), `expired`, `day`, `half` (some records are written, the answer does not say which),
`hang` (written, but the answer comes too late), `lost` (the same, not written), `cut` (written, and the
connection is closed), `500` (written), `gone` (the first record is refused), `refused` (all are).
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

TOO_LONG = 0.5  # seconds; tests wait less
NOT_WRITTEN = ("429", "busy", "expired", "day", "lost", "refused")


class FakeCrm:
    """What the three have in common: records, what was written to them, and faults."""

    def __init__(self, records: dict[str, dict]):
        self.records = records
        self.written: list[tuple[str, str, object]] = []  # record, field, value
        self.calls: list[tuple[str, dict | None]] = []  # path, body
        self.faults: list[str] = []
        self.token_faults: list[int] = []  # statuses of calls that ask for a token
        self.tokens = 0
        self.url = ""

    def set(self, one: str, values: dict) -> None:
        for name, value in values.items():
            self.written.append((one, name, value))
        self.records[one].update(values)

    def apply(self, ids: list[str], change) -> tuple[str | None, list[str]]:
        """Write as the next fault lets it; returns the fault and the records written."""
        fault = self.faults.pop(0) if self.faults else None
        done = [] if fault in NOT_WRITTEN else [one for one in ids if one in self.records]
        if fault == "half":
            done = done[: len(done) // 2]
        if fault == "gone":
            done = done[1:]
        for one in done:
            change(one)
        if fault in ("hang", "lost"):
            time.sleep(TOO_LONG)
        return fault, done


class FakeJiandaoyun(FakeCrm):
    """https://hc.jiandaoyun.com/open/11261: errors have status 400 and a code."""

    key = "jdy-secret-key"
    labels = ("客户编号", "客户分级", "价值等级", "流失风险", "下一步行动", "首选渠道", "客户标签")
    widgets: ClassVar = {
        label: f"_widget_{number}" for number, label in enumerate(labels, 1700000000000)
    }

    def answer(self, method, path, query, body, headers):
        assert method == "POST"
        if headers.get("Authorization") != f"Bearer {self.key}":
            return 400, {"code": 8301, "msg": f"no such key: {headers.get('Authorization')}"}
        assert (body["app_id"], body["entry_id"]) == ("app1", "form1")
        call = path.removeprefix("/api/v5/app/entry/")
        if call == "widget/list":
            listed = [{"label": k, "name": v, "type": "text"} for k, v in self.widgets.items()]
            return 200, {"widgets": listed, "sysWidgets": []}
        if call == "data/list":
            assert body["limit"] <= 100
            rows = [one for one in sorted(self.records) if one > body.get("data_id", "")]
            return 200, {"data": [self._row(one) for one in rows[: body["limit"]]]}
        if call == "data/get":
            if body["data_id"] not in self.records:
                return 400, {"code": 4001, "msg": "Data doesn't exist."}
            return 200, {"data": self._row(body["data_id"])}
        assert call == "data/batch_update"
        ids, data = body["data_ids"], body["data"]
        assert 1 <= len(ids) <= 100
        values = {name: cell["value"] for name, cell in data.items()}
        fault, done = self.apply(ids, lambda one: self.set(one, values))
        errors = {
            "429": (429, {"msg": "too many"}),
            "busy": (400, {"code": 8303, "msg": "超出请求频率限制"}),
            "500": (502, None),
            "refused": (400, {"code": 4402, "msg": f"bad field {self.key}"}),
            "cut": (None, None),
        }
        return errors.get(fault, (200, {"status": "success", "success_count": len(done)}))

    def _row(self, one):
        return {"_id": one} | self.records[one]


class FakeFxiaoke(FakeCrm):
    """https://developer.fxiaoke.com/openapi_v2: the status is always 200, the code decides."""

    keys: ClassVar = {"appId": "fs-app", "appSecret": "fs-secret", "permanentCode": "fs-code"}

    def answer(self, method, path, query, body, headers):
        assert method == "POST"
        assert len(query["thirdTraceId"][0]) == 36
        if path == "/oauth2.0/token":
            assert body == self.keys | {"grantType": "app_secret"}
            if self.token_faults:
                return self.token_faults.pop(0), None
            self.tokens += 1
            token = f"fs-token-{self.tokens}"
            return 200, {"errorCode": 0, "accessToken": token, "ea": "shop", "expiresIn": 7200}
        if headers.get("authorization") != f"Bearer fs-token-{self.tokens}":
            return 200, {"errorCode": 20016, "errorMessage": "token expired"}
        assert (headers["x-fs-ea"], headers["x-fs-userid"]) == ("shop", "1000")
        if path == "/cgi/crm/v2/data/query":
            return 200, self._found(body["data"]["search_query_info"])
        assert path == "/cgi/crm/v2/data/update"
        values = dict(body["data"]["object_data"])
        assert values.pop("dataObjectApiName") == "AccountObj"
        one = values.pop("_id")
        assert all(name.endswith("__c") for name in values)
        fault, done = self.apply([one], lambda one: self.set(one, values))
        codes = {"busy": 14001, "expired": 20016, "day": 30002, "refused": 10006, "half": 10006}
        if fault == "expired":
            self.tokens += 1
        if fault in ("429", "500", "cut"):
            return {"429": 429, "500": 503}.get(fault), None
        code = codes.get(fault, 0 if done else 10006)
        return 200, {"errorCode": code, "errorMessage": "OK" if code == 0 else "fs-secret"}

    def _found(self, search):
        assert (search["offset"], search["limit"]) == (0, 100)
        rows = sorted(self.records)
        for some in search["filters"]:
            assert some["field_name"] == "_id"
            wanted = some["field_values"]
            within = some["operator"] == "IN"
            rows = [one for one in rows if (one in wanted if within else one > wanted[0])]
        listed = [{"_id": one} | self.records[one] for one in rows[:100]]
        return {"errorCode": 0, "data": {"dataList": listed, "total": 0}}


class FakeZoho(FakeCrm):
    """https://www.zoho.com/crm/developer/docs/api/v8: each record has an answer of its own."""

    api_names: ClassVar = {
        "客户分级": "Class1",
        "价值等级": "Value1",
        "流失风险": "Risk1",
        "下一步行动": "Next1",
        "首选渠道": "Channel1",
    }

    def answer(self, method, path, query, body, headers):
        if path == "/oauth/v2/token":
            if body.get("refresh_token") != ["zo-refresh"]:
                return 200, {"error": "invalid_code"}
            if self.token_faults:
                return self.token_faults.pop(0), None
            self.tokens += 1
            return 200, {"access_token": f"zo-token-{self.tokens}", "expires_in": 3600}
        if headers.get("Authorization") != f"Zoho-oauthtoken zo-token-{self.tokens}":
            return 401, {"code": "INVALID_TOKEN", "status": "error", "message": "invalid"}
        if path == "/crm/v8/settings/fields":
            named = [{"field_label": k, "api_name": v} for k, v in self.api_names.items()]
            return 200, {"fields": named}
        if method == "GET":
            listed = [
                {"id": one} | self.records[one]
                for one in query["ids"][0].split(",")
                if one in self.records
            ]
            return (200, {"data": listed}) if listed else (204, None)
        if method == "PUT":
            values = {
                one["id"]: {k: v for k, v in one.items() if k != "id"} for one in body["data"]
            }
            assert all(set(new) <= set(self.api_names.values()) for new in values.values())
            return self._write(list(values), lambda one: self.set(one, values[one]))
        names = {tag["name"] for tag in body["tags"]}
        if path.endswith("add_tags"):
            assert body["over_write"] is False
        return self._write(body["ids"], lambda one: self._tag(one, names, path))

    def _tag(self, one, names, path):
        there = {tag["name"] for tag in self.records[one].get("Tag", [])}
        there = there | names if path.endswith("add_tags") else there - names
        self.written.append((one, path.rpartition("/")[2], tuple(sorted(names))))
        self.records[one]["Tag"] = [{"name": name} for name in sorted(there)]

    def _write(self, ids, change):
        assert 1 <= len(ids) <= 100
        fault, done = self.apply(ids, change)
        if fault == "expired":
            self.tokens += 1
            return 401, {"code": "INVALID_TOKEN", "status": "error"}
        errors = {
            "429": (429, {"code": "TOO_MANY_REQUESTS", "status": "error"}),
            "busy": (200, {"code": "TOO_MANY_REQUESTS", "status": "error"}),
            "day": (429, {"code": "LIMIT_EXCEEDED", "status": "error"}),
            "500": (500, None),
            "half": (504, None),
            "refused": (400, {"code": "INVALID_MODULE", "status": "error", "message": "zo-secret"}),
            "cut": (None, None),
        }
        answers = [
            {"code": "SUCCESS", "status": "success", "details": {"id": one}}
            if one in done
            else {"code": "INVALID_DATA", "status": "error", "details": {}}
            for one in ids
        ]
        return errors.get(fault, (207, {"data": answers}))


@contextmanager
def serve(crm: FakeCrm, retry_after: str = "7") -> Iterator[FakeCrm]:
    """The CRM at an address of this machine, `crm.url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            parts = urlsplit(self.path)
            text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = "urlencoded" in (self.headers.get("Content-Type") or "")
            body = parse_qs(text) if form else json.loads(text) if text else None
            crm.calls.append((self.path, body))
            status, content = crm.answer(
                self.command, parts.path, parse_qs(parts.query), body, self.headers
            )
            if status is None:
                self.close_connection = True
                self.connection.close()
                return
            answer = b"" if content is None else json.dumps(content).encode()
            try:
                self.send_response(status)
                if status == 429 and retry_after:
                    self.send_header("Retry-After", retry_after)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                pass  # the client waits no longer

        do_GET = do_POST = do_PUT = _take

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    crm.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield crm
    finally:
        server.shutdown()
        server.server_close()

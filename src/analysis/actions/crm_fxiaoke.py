"""The interface of 纷享销客 (v2): one record a call, and every answer has status 200 and a code."""

import uuid

import polars as pl

from analysis.actions.crm_files import parts
from analysis.actions.crm_http import Reply
from analysis.actions.crm_interface import (
    DAY_OVER,
    EXPIRED,
    LIMITED,
    LOST,
    OK,
    REFUSED,
    Interface,
    State,
    Write,
)

_PAGE = 100
_NUMBER = "account_no"
_KINDS = {0: OK, 20016: EXPIRED, 14001: LIMITED, 30004: LIMITED, 30002: DAY_OVER, 30003: DAY_OVER}


class FxiaokeInterface(Interface):
    """The customers of 纷享销客.

    Source: developer.fxiaoke.com/openapi_v2. Clients of others disagree on the body of an update; that of
    most stands here, and a push reads its first write back.
    """

    system = "fxiaoke"
    key_names = (
        "FXIAOKE_APP_ID",
        "FXIAOKE_APP_SECRET",
        "FXIAOKE_PERMANENT_CODE",
        "FXIAOKE_USER_ID",
    )
    pace_seconds = 0.2  # 100 calls in 20 seconds
    _token = _company = ""

    def headers(self) -> dict[str, str]:
        """The token of two hours, and for whom it acts."""
        if self._keys and not self._token:
            self.log_in()
        user = self._keys.get(self.key_names[-1])
        return {
            "authorization": f"Bearer {self._token or '$TOKEN'}",
            "x-fs-ea": self._company or "$COMPANY",
            "x-fs-userid": user.value if user else f"${self.key_names[-1]}",
        }

    def address(self, url: str) -> str:
        """With a trace id, new for each call."""
        return f"{url}?thirdTraceId={uuid.uuid4()}"

    def log_in(self) -> None:
        """Exchange the keys of the app for a token."""
        app, secret, code = (self._keys[name].value for name in self.key_names[:3])
        body = {"appId": app, "appSecret": secret, "permanentCode": code}
        body |= {"grantType": "app_secret"}
        url = self.address(f"{self.own.url}/oauth2.0/token")
        reply = self.caller.call("POST", url, {}, body, None, self.pace_seconds)
        self._token = self._token_of(reply, "accessToken")
        self._company = str(reply.content.get("ea", ""))

    def writes(self, changes: pl.DataFrame) -> list[Write]:
        """A call for each record."""
        found = []
        for (record,), rows in changes.sort("record_id", "field").group_by(
            "record_id", maintain_order=True
        ):
            one = rows["api_id"][0] or record
            labels = dict(rows.select("field", "value").rows())
            values = {self.names[label]: value for label, value in labels.items()}
            url = f"{self._data}/update"
            found.append(
                Write("update", "POST", url, {one: values}, {one: record}, {record: labels})
            )
        return found

    def body(self, write: Write) -> dict:
        """The record with its new values."""
        ((one, values),) = write.values.items()
        return {
            "data": {
                "object_data": {"dataObjectApiName": self.own.object_name, "_id": one, **values}
            }
        }

    def answered(self, write: Write, content: dict) -> dict[str, str | None]:
        """Done: what was not, has a code of its own and does not come here."""
        return dict.fromkeys(write.values)

    def read(self, ids: list[str]) -> State:
        """Records by their ids, 100 a call."""
        found = {}
        for part in parts(ids, _PAGE):
            some = [{"field_name": "_id", "field_values": part, "operator": "IN"}]
            found |= {row["_id"]: row for row in self._query(some, list(self.names.values()))}
        return found

    def look_up(self, records: list[str]) -> dict[str, str]:
        """Ids by customer number, from all records in the order of their ids: offsets end at 10,000."""
        wanted, found, filters = set(records), {}, []
        while True:
            rows = self._query(filters, [_NUMBER])
            found |= {row[_NUMBER]: row["_id"] for row in rows if row.get(_NUMBER) in wanted}
            if len(rows) < _PAGE:
                return found
            last = [rows[-1]["_id"]]
            filters = [{"field_name": "_id", "field_values": last, "operator": "GT"}]

    def kind_of(self, reply: Reply) -> tuple[str, str, str]:
        """The code decides; messages change."""
        content = reply.content if isinstance(reply.content, dict) else {}
        if reply.status != 200 or "errorCode" not in content:
            kind = LOST if reply.status >= 500 or reply.status == 200 else REFUSED
            return (LIMITED if reply.status == 429 else kind), str(reply.status), ""
        code = content["errorCode"]
        return _KINDS.get(code, REFUSED), str(code), str(content.get("errorMessage", ""))

    def _query(self, filters: list[dict], fields: list[str]) -> list[dict]:
        search = {
            "limit": _PAGE,
            "offset": 0,
            "filters": filters,
            "orders": [{"fieldName": "_id", "isAsc": True}],
            "fieldProjection": ["_id", *fields],
        }
        data = {"dataObjectApiName": self.own.object_name, "search_query_info": search}
        answer = self.ask("POST", f"{self._data}/query", {"data": data})
        return answer.get("data", {}).get("dataList", [])

    @property
    def _data(self) -> str:
        custom = "custom/" if self.own.object_name.endswith("__c") else ""
        return f"{self.own.url}/cgi/crm/{custom}v2/data"

"""The interface of Zoho CRM: 100 records a call, each answered by itself; tags by calls of theirs."""

from urllib.parse import quote

import polars as pl

from analysis.actions.crm_files import parts
from analysis.actions.crm_http import Caller, Reply
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
from analysis.actions.crm_labels import NONE, SEPARATOR
from analysis.labels import group
from analysis.run.sections_crm import Crm

TAG = "Tag"
_PREFIX = "zcrm_"  # of ids in exports; the interface knows them without it
_CODES = {"INVALID_TOKEN": EXPIRED, "TOO_MANY_REQUESTS": LIMITED, "LIMIT_EXCEEDED": DAY_OVER}
_ADD, _REMOVE = "add_tags", "remove_tags"


class ZohoInterface(Interface):
    """One module of Zoho CRM. Source: zoho.com/crm/developer/docs/api/v8."""

    system = "zoho"
    key_names = ("ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN")
    _token = ""

    def __init__(self, crm: Crm, caller: Caller):
        super().__init__(crm, caller)
        self.names["tags"] = TAG
        self._module = f"{self.own.url}/crm/{self.own.version}/{self.own.module}"
        self._none = group(f"crm.{crm.language}")[NONE]

    def headers(self) -> dict[str, str]:
        """The token of an hour."""
        if self._keys and not self._token:
            self.log_in()
        return {"Authorization": f"Zoho-oauthtoken {self._token or '$TOKEN'}"}

    def log_in(self) -> None:
        """Exchange the refresh token for a new one; a refusal has status 200 here too."""
        client, secret, refresh = (self._keys[name].value for name in self.key_names)
        form = {"grant_type": "refresh_token", "client_id": client, "client_secret": secret}
        form |= {"refresh_token": refresh}
        url = f"{self.own.accounts_url}/oauth/v2/token"
        reply = self.caller.call("POST", url, {}, None, form, self.pace_seconds)
        self._token = self._token_of(reply, "access_token")

    def writes(self, changes: pl.DataFrame) -> list[Write]:
        """Calls of 100 records; then tags that go, then tags that come, the same ones together."""
        ids = pl.coalesce("api_id", "record_id").str.strip_prefix(_PREFIX)
        rows = changes.with_columns(id=ids).sort("record_id", "field")
        fields = rows.filter(pl.col("field") != "tags")
        listed = fields.partition_by("record_id", maintain_order=True)
        found = []
        for part in parts(listed):
            labels = {
                one["record_id"][0]: dict(one.select("field", "value").rows()) for one in part
            }
            records = {one["id"][0]: one["record_id"][0] for one in part}
            values = {
                one: {self.names[label]: value for label, value in labels[record].items()}
                for one, record in records.items()
            }
            found.append(Write("update", "PUT", self._module, values, records, labels))
        return found + self._tag_writes(rows.filter(pl.col("field") == "tags"))

    def body(self, write: Write) -> dict:
        """Records with their values; or tags and the records that they are about."""
        if write.kind == "update":
            return {"data": [{"id": one, **values} for one, values in write.values.items()]}
        tags = next(iter(write.values.values()))[TAG].split(SEPARATOR)
        body = {"tags": [{"name": name} for name in tags], "ids": list(write.values)}
        return body | ({"over_write": False} if write.kind == _ADD else {})

    def answered(self, write: Write, content: dict) -> dict[str, str | None]:
        """The answer of each record, by its id where it tells it, else by its place."""
        answers, found = content.get("data", []), {}
        for one, answer in zip(write.values, answers, strict=False):
            told = str((answer.get("details") or {}).get("id") or one)
            done = answer.get("status") == "success" or answer.get("code") == "SUCCESS"
            if told in write.values:
                found[told] = None if done else str(answer.get("code", "error"))
        return found

    def read(self, ids: list[str]) -> State:
        """Records by their ids, 100 a call."""
        found, fields = {}, ",".join([*(n for n in self.names.values() if n != TAG), TAG])
        for part in parts(ids):
            url = f"{self._module}?ids={','.join(part)}&fields={quote(fields)}"
            answer = self.ask("GET", url) or {}
            for row in answer.get("data", []):
                tags = [tag["name"] for tag in row.get(TAG) or []]
                found[str(row["id"])] = row | {TAG: tags}
        return found

    def holds(self, write: Write, one: str, state: State) -> bool:
        """Of tags: whether all that come are there, or none that go."""
        if write.kind == "update":
            return super().holds(write, one, state)
        if one not in state:
            return False
        there, meant = set(state[one][TAG]), set(write.values[one][TAG].split(SEPARATOR))
        return meant <= there if write.kind == _ADD else not meant & there

    def field_names(self) -> dict[str, str]:
        """Label = field of the module, by the field's label where the settings name none."""
        url = f"{self.own.url}/crm/{self.own.version}/settings/fields?module={self.own.module}"
        fields = (self.ask("GET", url) or {}).get("fields", [])
        listed = [(one["field_label"], one["api_name"]) for one in fields]
        return self._resolve([*listed, (TAG, TAG)], f"The module {self.own.module}")

    def kind_of(self, reply: Reply) -> tuple[str, str, str]:
        """By status, and by the code of an answer that is an error as a whole."""
        content = reply.content if isinstance(reply.content, dict) else {}
        code, failed = str(content.get("code", reply.status)), content.get("status") == "error"
        if code in _CODES:
            return _CODES[code], code, ""
        if 200 <= reply.status < 300 and not failed:
            return OK, code, ""
        kinds = {401: EXPIRED, 429: LIMITED}
        otherwise = LOST if reply.status >= 500 else REFUSED
        return kinds.get(reply.status, otherwise), code, str(content.get("message", ""))

    def _tag_writes(self, rows: pl.DataFrame) -> list[Write]:
        groups: dict[tuple[str, str], list[tuple[str, str, dict[str, str]]]] = {}
        for one, record, value, before in rows.select("id", "record_id", "value", "before").rows():
            new, old = self._tags(value), self._tags(before)
            gone = [tag for tag in old if tag not in new]
            come = [tag for tag in new if tag not in old] or ([] if gone else new)
            last = {"tags": value}
            if gone:
                mark = {"tags_removed": SEPARATOR.join(gone)} if come else last
                groups.setdefault((_REMOVE, SEPARATOR.join(gone)), []).append((one, record, mark))
            if come:
                groups.setdefault((_ADD, SEPARATOR.join(come)), []).append((one, record, last))
        found = []
        for (kind, tags), members in sorted(groups.items(), key=lambda one: one[0], reverse=True):
            url = f"{self._module}/actions/{kind}"
            for part in parts(members):
                values = {one: {TAG: tags} for one, _, _ in part}
                records = {one: record for one, record, _ in part}
                marks = {record: mark for _, record, mark in part}
                found.append(Write(kind, "POST", url, values, records, marks))
        return found

    def _tags(self, text: str | None) -> list[str]:
        return [] if text in (None, "", self._none) else text.split(SEPARATOR)
